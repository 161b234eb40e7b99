//! An array that gives the answers of a script, and keeps what it was sent and what was recorded.

use std::{
    collections::VecDeque,
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    inform::{
        Templates,
        array::{Array, Recorder},
        wire::{Answer, Hurry, Lost, Sending, Wire},
    },
    model::*,
};

/// What one command may take.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Answers in order; a command nobody expects fails the test.
#[derive(Default)]
pub struct Script {
    pub answers: Mutex<VecDeque<Result<Answer, Lost>>>,
    pub sent: Mutex<Vec<(String, Duration)>>,
    pub urgent: Mutex<Vec<String>>,
    pub hangs: bool,
}

impl Wire for Script {
    fn send<'a>(&'a self, command: &'a str, deadline: Duration, hurry: Hurry) -> Sending<'a> {
        Box::pin(async move {
            let line = (command.to_owned(), deadline);
            self.sent.lock().unwrap().push(line);
            if hurry != Hurry::No {
                self.urgent.lock().unwrap().push(command.to_owned());
            }
            if self.hangs {
                std::future::pending::<()>().await;
            }
            let mut answers = self.answers.lock().unwrap();
            answers
                .pop_front()
                .unwrap_or_else(|| panic!("`{command}` was not expected"))
        })
    }
}

/// One command as it went to the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub request: RequestId,
    pub session: Option<String>,
    pub command: String,
    pub outcome: String,
    pub exit_status: Option<i32>,
    pub elapsed: Duration,
    pub output: String,
}

pub struct Bench {
    script: Arc<Script>,
    pub array: Array,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl Bench {
    pub fn new(answers: Vec<Result<Answer, Lost>>) -> Self {
        Self::with(Script {
            answers: Mutex::new(answers.into()),
            ..Script::default()
        })
    }

    pub fn with(script: Script) -> Self {
        let script = Arc::new(script);
        let templates = Arc::new(Templates::load(None).unwrap());
        let wire: Arc<dyn Wire> = script.clone();
        let recorded = Arc::<Mutex<Vec<Recorded>>>::default();
        let book = recorded.clone();
        let record: Recorder = Arc::new(move |entry| {
            book.lock().unwrap().push(Recorded {
                request: entry.request.clone(),
                session: entry.session.map(str::to_owned),
                command: entry.command.to_owned(),
                outcome: entry.outcome.to_owned(),
                exit_status: entry.exit_status,
                elapsed: entry.elapsed,
                output: entry.output.to_owned(),
            });
        });
        let array = Array::over("harbour".to_owned(), wire, record, templates, DEADLINE);
        Self {
            script,
            array,
            recorded,
        }
    }

    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().unwrap().clone()
    }

    pub fn sent(&self) -> Vec<String> {
        let sent = self.script.sent.lock().unwrap();
        sent.iter().map(|(command, _)| command.clone()).collect()
    }

    pub fn urgent(&self) -> Vec<String> {
        self.script.urgent.lock().unwrap().clone()
    }

    pub fn deadlines(&self) -> Vec<Duration> {
        let sent = self.script.sent.lock().unwrap();
        sent.iter().map(|(_, deadline)| *deadline).collect()
    }

    pub fn left(&self) -> usize {
        self.script.answers.lock().unwrap().len()
    }
}

pub fn says(text: &str) -> Result<Answer, Lost> {
    Ok(Answer {
        text: text.to_owned(),
        exit_status: Some(0),
        elapsed: Duration::from_millis(300),
        session: Some("31847".to_owned()),
    })
}

pub fn fixture(path: &str) -> Result<Answer, Lost> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates/fixtures");
    let text = fs::read_to_string(root.join(format!("{path}.raw"))).unwrap();
    // Without an exit status, as in shell mode.
    Ok(Answer {
        exit_status: None,
        ..says(&text).unwrap()
    })
}

pub fn lost(may_have_run: bool, session: Option<&str>) -> Result<Answer, Lost> {
    Err(Lost {
        may_have_run,
        partial: "Removing".to_owned(),
        session: session.map(str::to_owned),
        cause: Arc::new(io::Error::other("the connection was cut")),
    })
}

pub fn release3() -> Result<Answer, Lost> {
    fixture("showversion/release-3.3.1-with-patches")
}

pub fn release10() -> Result<Answer, Lost> {
    fixture("showversion/release-10")
}

pub fn vv(name: &str) -> VvName {
    VvName::new(name).unwrap()
}

pub fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

pub fn cpg(name: &str) -> CpgName {
    CpgName::new(name).unwrap()
}

pub fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

pub fn set(name: &str) -> SetName {
    SetName::new(name).unwrap()
}
