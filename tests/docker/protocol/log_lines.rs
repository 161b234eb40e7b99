//! One line a request.

use std::sync::{Mutex, Once};

use log::{Level, kv::Key};

use super::server::Plugin;

/// A line about a request.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    level: Level,
    verb: String,
    volume: String,
    outcome: String,
    /// A request id and a time are there.
    traced: bool,
}

/// Keeps the lines about requests.
struct Lines(Mutex<Vec<Line>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));
static INSTALLED: Once = Once::new();

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let value = |key| {
            record
                .key_values()
                .get(Key::from_str(key))
                .map(|value| value.to_string())
        };
        if let (Some(verb), Some(volume), Some(outcome)) =
            (value("verb"), value("volume"), value("outcome"))
        {
            let traced = value("request").is_some_and(|id| id.len() == 8) && value("ms").is_some();
            let line = Line {
                level: record.level(),
                verb,
                volume,
                outcome,
                traced,
            };
            self.0.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn every_request_leaves_one_line() {
    INSTALLED.call_once(|| {
        log::set_logger(&LINES).unwrap();
        log::set_max_level(log::LevelFilter::Debug);
    });
    let plugin = Plugin::start().await;
    for (verb, volume, level, outcome) in [
        ("Create", "line-made", Level::Info, "ok"),
        ("Get", "line-got", Level::Debug, "ok"),
        ("Remove", "denied-line", Level::Warn, "refused"),
        ("Get", "unknown-line", Level::Warn, "closed"),
        ("Create", "slow-line", Level::Warn, "abandoned"),
        ("Mount", "line\\nforged", Level::Warn, "refused"),
    ] {
        let mut engine = plugin.connect().await;
        engine
            .ask(
                &format!("VolumeDriver.{verb}"),
                &format!(r#"{{"Name":"{volume}","ID":"1"}}"#),
            )
            .await;
        if outcome == "abandoned" {
            plugin.fake.arrived.acquire().await.unwrap().forget();
            drop(engine);
        } else if outcome == "closed" {
            engine.closed_without_a_byte().await;
        } else {
            engine.reply().await;
        }
        let volume = volume.replace("\\n", " ");
        let expected = Line {
            level,
            verb: format!("VolumeDriver.{verb}"),
            volume: volume.clone(),
            outcome: outcome.to_owned(),
            traced: true,
        };
        let lines = || {
            let lines = LINES.0.lock().unwrap();
            lines
                .iter()
                .filter(|line| line.volume == volume)
                .cloned()
                .collect::<Vec<_>>()
        };
        // A hang-up is seen when its thread is next free; this ends as soon as it was.
        for _ in 0..10_000 {
            if !lines().is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(lines(), [expected]);
    }
}
