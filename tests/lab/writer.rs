//! A container that writes to a volume, makes sure of every block, and reads back: no error and no lost byte may meet it.

use std::time::{Duration, Instant};

use crate::stage::{PATIENCE, Stage};

/// A writing container, named as its volume.
pub struct Writer<'a> {
    stage: &'a Stage,
    volume: String,
}

/// What a writer did.
#[derive(Debug)]
pub struct Written {
    /// How many blocks.
    pub blocks: u64,
    /// The longest time between two of them.
    pub longest_wait: Duration,
}

impl<'a> Writer<'a> {
    /// Starts one on a volume, and waits for its first block.
    #[track_caller]
    pub fn start(stage: &'a Stage, volume: &str) -> Self {
        std::fs::write(
            stage.machine.share().join("writer.sh"),
            include_str!("writer.sh"),
        )
        .unwrap();
        stage.docker(&format!(
            "run -d --name {volume} --network none --stop-timeout 2 -v /share/writer.sh:/writer.sh:ro -v {volume}:/data box sh /writer.sh"
        ));
        let writer = Self {
            stage,
            volume: volume.to_owned(),
        };
        writer.goes_on();
        writer
    }

    /// Waits until it has written three blocks more.
    #[track_caller]
    pub fn goes_on(&self) {
        let before = self.written().blocks;
        let patience = Instant::now() + PATIENCE;
        while self.written().blocks < before + 3 {
            assert!(
                Instant::now() < patience,
                "nothing more is written to {}",
                self.volume
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Ends it: it had no error, all it wrote is there, and no number is missing. The container is gone, the volume stays.
    #[track_caller]
    pub fn finish(self) -> Written {
        self.stage.exec(&self.volume, "touch /stop");
        let status = self.stage.docker(&format!("wait {}", self.volume));
        let written = self.written();
        assert_eq!(status.trim(), "0", "{}", self.said());
        assert!(self.said().ends_with("whole\n"), "{}", self.said());
        self.stage.docker(&format!("rm {}", self.volume));
        let numbers = self.stage.run_in(&self.volume, "cat /data/numbers");
        let expected: Vec<String> = (1..=written.blocks).map(|n| n.to_string()).collect();
        let numbers: Vec<&str> = numbers.lines().collect();
        // The last one may have been written and not told.
        assert_eq!(numbers[..expected.len()], expected);
        written
    }

    fn said(&self) -> String {
        self.stage.docker(&format!("logs {}", self.volume))
    }

    #[track_caller]
    fn written(&self) -> Written {
        let said = self.said();
        assert!(
            !said.contains("error"),
            "the writer on {} failed: {said}",
            self.volume
        );
        let blocks: Vec<(u64, u64)> = said
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(number, at)| (number.parse().unwrap(), at.parse().unwrap()))
            .collect();
        let waits = blocks.windows(2).map(|two| two[1].1 - two[0].1);
        Written {
            blocks: blocks.last().map_or(0, |(number, _)| *number),
            longest_wait: Duration::from_secs(waits.max().unwrap_or(0)),
        }
    }
}
