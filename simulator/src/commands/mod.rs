//! One file per InForm command, named as the command. Each takes a [`Call`] with its [`Options`] and gives an
//! [`Answer`]; the list of all is [`COMMANDS`].

mod admitrcopyvv;
mod canceltask;
mod createhost;
mod createhostset;
mod creatercopygroup;
mod createsched;
mod createsv;
mod createvlun;
mod createvv;
mod createvvcopy;
mod createvvset;
mod dismissrcopyvv;
mod exit;
mod growvv;
mod help;
mod options;
mod promotesv;
mod promotevvcopy;
mod removehost;
mod removehostset;
mod removercopygroup;
mod removesched;
mod removevlun;
mod removevv;
mod removevvset;
mod setclienv;
mod setflashcache;
pub(crate) mod sethost;
mod setqos;
mod setrcopygroup;
mod sets;
mod setsched;
mod setvv;
mod showcpg;
mod showdate;
mod showflashcache;
mod showhost;
mod showhostset;
mod showlicense;
mod showport;
mod showqos;
mod showrcopy;
mod showsched;
mod showsys;
mod showtask;
mod showuser;
mod showuserconn;
mod showversion;
mod showvlun;
mod showvv;
mod showvvset;
mod startrcopygroup;
mod stoprcopygroup;
mod syncrcopy;

pub use options::{Options, usage};

use crate::clock;
use crate::state::{Array, World};
use crate::table::Style;
use crate::words;

/// Every command there is. A new one gets its file and a line here.
pub static COMMANDS: &[&Command] = &[
    // System, sessions, users.
    &exit::COMMAND,
    &help::COMMAND,
    &setclienv::COMMAND,
    &showcpg::COMMAND,
    &showdate::COMMAND,
    &showlicense::COMMAND,
    &showport::COMMAND,
    &showsys::COMMAND,
    &showuser::COMMAND,
    &showuserconn::COMMAND,
    &showversion::COMMAND,
    // Volumes, sets, hosts, exports.
    &createhost::COMMAND,
    &createhostset::COMMAND,
    &createsv::COMMAND,
    &createvlun::COMMAND,
    &createvv::COMMAND,
    &canceltask::COMMAND,
    &createvvcopy::COMMAND,
    &createvvset::COMMAND,
    &promotesv::COMMAND,
    &promotevvcopy::COMMAND,
    &growvv::COMMAND,
    &removehost::COMMAND,
    &removehostset::COMMAND,
    &removevlun::COMMAND,
    &removevv::COMMAND,
    &removevvset::COMMAND,
    &sethost::COMMAND,
    &setvv::COMMAND,
    &setflashcache::COMMAND,
    &setqos::COMMAND,
    &showflashcache::COMMAND,
    &showhost::COMMAND,
    &showhostset::COMMAND,
    &showqos::COMMAND,
    &showvlun::COMMAND,
    &showvv::COMMAND,
    &showvvset::COMMAND,
    // Schedules.
    &createsched::COMMAND,
    &removesched::COMMAND,
    &setsched::COMMAND,
    &showsched::COMMAND,
    // Remote copy, tasks.
    &admitrcopyvv::COMMAND,
    &creatercopygroup::COMMAND,
    &dismissrcopyvv::COMMAND,
    &removercopygroup::COMMAND,
    &setrcopygroup::COMMAND,
    &showrcopy::COMMAND,
    &showtask::COMMAND,
    &startrcopygroup::COMMAND,
    &stoprcopygroup::COMMAND,
    &syncrcopy::COMMAND,
];

/// What a command is called, what it takes, and who may run it.
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// The usage line printed on a wrong option.
    pub syntax: &'static str,
    /// Options without a value, without the dash.
    pub flags: &'static [&'static str],
    /// Options that take the next word as their value, without the dash.
    pub valued: &'static [&'static str],
    /// Changes something: users with the role `browse` are refused, and the state is written to disk afterwards.
    pub changes: bool,
    /// Licence it needs, as `showlicense` names it.
    pub licence: Option<&'static str>,
    /// Does it.
    pub run: fn(&mut Call<'_>, &Options) -> Answer,
}

/// What `setclienv` sets for the rest of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Environment {
    /// `csvtable` and `nohdtot`.
    pub style: Style,
    /// `listdom`: a column Domain where it exists.
    pub listdom: bool,
}

/// One command line being carried out.
pub struct Call<'a> {
    /// All arrays: remote copy reaches over to the peer.
    pub world: &'a mut World,
    /// System name of the array the user is logged in to.
    pub array: &'a str,
    /// Login name.
    pub user: &'a str,
    /// Id of the session, as `showuserconn` prints it.
    pub session: u32,
    /// The words after the command's name; quotes are resolved, a quoted text is one word.
    pub args: &'a [String],
    /// Virtual time, seconds since 1970.
    pub now: i64,
    /// What `setclienv` set before. A command reads [`Options::style`] instead, which knows `-csvtable` too.
    pub environment: Environment,
    /// The user answered `y` to the question this same command asked with [`Answer::asks`].
    pub confirmed: bool,
}

impl Call<'_> {
    /// The array the user is logged in to.
    ///
    /// # Panics
    /// If the array is not part of the world, which cannot happen for a session.
    #[allow(clippy::expect_used)]
    pub fn here(&mut self) -> &mut Array {
        self.world
            .arrays
            .get_mut(self.array)
            .expect("a session belongs to an array")
    }

    /// A date as this array's listings show it. `seconds` since 1970.
    pub fn date(&mut self, seconds: i64) -> String {
        let zone = self.here().time_zone.clone();
        clock::date(seconds, &zone)
    }
}

/// What a command prints and how it ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Standard output.
    pub stdout: String,
    /// Standard error; in a shell both come in one stream.
    pub stderr: String,
    /// Exit status of an exec channel.
    pub status: u32,
    /// Nothing was done yet: this question waits for `y` on standard input.
    pub question: Option<String>,
}

impl Answer {
    /// Success without a word.
    pub fn silent() -> Self {
        Self::default()
    }

    /// Success with text. `text` ends in a newline.
    pub fn says(text: impl Into<String>) -> Self {
        Self {
            stdout: text.into(),
            ..Self::default()
        }
    }

    /// A refusal on standard output, status 1.
    pub fn refuses(text: impl Into<String>) -> Self {
        Self {
            stdout: ended(text),
            status: 1,
            ..Self::default()
        }
    }

    /// A refusal on standard error, status 1.
    pub fn refuses_on_stderr(text: impl Into<String>) -> Self {
        Self {
            stderr: ended(text),
            status: 1,
            ..Self::default()
        }
    }

    /// Asks before doing anything. After `y` the command runs again with [`Call::confirmed`]; after anything else, or
    /// at the end of the input, it ends without effect. Use it as
    /// `if !options.has("f") && !call.confirmed { return Answer::asks(…) }`.
    pub fn asks(question: impl Into<String>) -> Self {
        Self {
            question: Some(question.into()),
            ..Self::default()
        }
    }
}

fn ended(text: impl Into<String>) -> String {
    let mut text = text.into();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The command of that name.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.name == name)
        .copied()
}

/// Carries out one command: `name` with [`Call::args`]. Looks at the name, the role, the licence and the options
/// before the command itself is called.
pub fn run(call: &mut Call<'_>, name: &str) -> Answer {
    let Some(command) = find(name) else {
        return Answer::refuses_on_stderr(format!("invalid command name \"{name}\""));
    };
    let user = call.user;
    let array = call.here();
    let may_change = array
        .users
        .iter()
        .find(|known| known.name == user)
        .is_some_and(|user| user.role != "browse");
    if command.changes && !may_change {
        return Answer::refuses_on_stderr(format!(
            "Error: Permission denied: user {user} may not run {name}"
        ));
    }
    if let Some(licence) = command.licence.filter(|licence| !array.licensed(licence)) {
        return Answer::refuses_on_stderr(format!(
            "Error: {licence} is not licensed on this system"
        ));
    }
    match Options::parse(command, call) {
        Ok(options) => (command.run)(call, &options),
        Err(usage) => usage,
    }
}

/// Takes a whole line apart and runs its commands one after the other in the same session; texts are joined, the
/// status is the last one. Meant for tests and for callers that have no terminal.
pub fn run_line(call: &mut Call<'_>, line: &str) -> Answer {
    let commands = match words::split(line) {
        Ok(commands) => commands,
        Err(reason) => return Answer::refuses_on_stderr(format!("Error: {reason}")),
    };
    let mut all = Answer::default();
    for command in &commands {
        let Some((name, args)) = command.split_first() else {
            continue;
        };
        let mut one = Call {
            world: &mut *call.world,
            array: call.array,
            user: call.user,
            session: call.session,
            args,
            now: call.now,
            environment: call.environment,
            confirmed: call.confirmed,
        };
        let answer = run(&mut one, name);
        call.environment = one.environment;
        all.stdout += &answer.stdout;
        all.stderr += &answer.stderr;
        all.status = answer.status;
        all.question = answer.question;
        if all.question.is_some() {
            break;
        }
    }
    all
}
