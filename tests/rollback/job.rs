//! A volume on its way in or out, and what must hold when that was disturbed.

use serde_json::Value;

use super::{
    point::Point,
    rig::{
        arrays::{HOME, PEER},
        compare::but_for_operations,
        plugin::Reply,
    },
    stage::{Stage, assert_told, in_time, plain, replicated},
};

/// What an error says before what could not be taken back at once.
pub const LEFT: &str = "still there: ";

/// What is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

/// Where the volume is, or is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Without a copy.
    Plain,
    /// In a group that is there for it alone.
    Alone,
    /// In a group that protects another volume.
    Beside,
}

/// A create or a remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    pub way: Way,
    pub place: Place,
}

impl Job {
    pub const REPLICATED: [Self; 4] = [
        Self::new(Way::In, Place::Alone),
        Self::new(Way::In, Place::Beside),
        Self::new(Way::Out, Place::Alone),
        Self::new(Way::Out, Place::Beside),
    ];

    pub const fn new(way: Way, place: Place) -> Self {
        Self { way, place }
    }

    pub fn options(self) -> Value {
        match self.place {
            Place::Plain => plain(),
            Place::Alone | Place::Beside => replicated(),
        }
    }

    /// A stage on which it can be done, again and again.
    pub async fn stage(self) -> Ready {
        // What an array takes seconds for is done by the time it is looked at, so that every run takes the same looks.
        let at_once = |toml: String| toml.replace("factor = 20.0", "factor = 100000.0");
        let stage = Stage::set_with(at_once, |conf| conf).await;
        stage.machine.listed_once(&stage.arrays).await;
        if self.place == Place::Beside {
            stage.create("other", self.options()).await.ok();
        }
        stage.settled().await;
        let without = stage.arrays.dump();
        Ready {
            job: self,
            stage,
            without,
        }
    }

    /// Every command it takes, in order.
    pub async fn points(self) -> Vec<Point> {
        let ready = self.stage().await;
        // The first round is what only the first asks.
        let mut points = Vec::new();
        for _ in 0..2 {
            ready.begin().await;
            ready.stage.arrays.control.clear_log();
            ready.perform().await.ok();
            points = Point::all(&ready.stage.arrays);
            if self.way == Way::In {
                ready.assert_whole();
                ready.stage.remove("db1").await.ok();
            }
            ready.assert_without().await;
        }
        ready.end().await;
        points
    }
}

/// A job on its stage, with the volume not there.
pub struct Ready {
    pub job: Job,
    pub stage: Stage,
    /// The arrays without the volume.
    pub without: Value,
}

impl Ready {
    /// What has to be there before the request. Gives the arrays as they are then.
    pub async fn begin(&self) -> Value {
        if self.job.way == Way::Out {
            self.stage.create("db1", self.job.options()).await.ok();
            self.assert_whole();
        }
        self.stage.arrays.dump()
    }

    /// The one request.
    pub async fn perform(&self) -> Reply {
        match self.job.way {
            Way::In => self.stage.create("db1", self.job.options()).await,
            Way::Out => self.stage.remove("db1").await,
        }
    }

    /// What the answer says is so at that moment, and after everything was cleaned up the volume is there, whole, or not at all; at
    /// last there is nothing of it.
    pub async fn check(&self, reply: &Reply, before: &Value, point: &Point) {
        if let Reply::Err(said) = reply {
            assert_told(said, &["db1", &self.stage.label(&point.array), &point.name]);
            self.assert_truth(said, before).await;
        }
        self.stage.calm_down().await;
        self.ends(reply, before).await;
    }

    /// Everything was cleaned up.
    pub async fn ends(&self, reply: &Reply, before: &Value) {
        let there = self.is_listed().await;
        match (self.job.way, reply) {
            (Way::In, Reply::Ok(_)) => assert!(there, "created, and not there"),
            (Way::Out, Reply::Ok(_)) => assert!(!there, "removed, and still there"),
            // It may have been the last step that was left.
            (_, Reply::Err(said)) if still_at_it(said) || said.contains(LEFT) => {}
            // What was undone is undone.
            (Way::In, _) => assert!(!there, "not created, and there"),
            // What had lost its copy already is gone altogether.
            (Way::Out, _) => {}
        }
        if there {
            self.assert_whole();
            if self.job.way == Way::Out {
                self.stage
                    .as_before_but_for(before, but_for_operations)
                    .await;
            }
            // The first may have joined one that was just ending, and been given its error.
            if let Reply::Err(_) = in_time(self.stage.remove("db1")).await {
                in_time(self.stage.remove("db1")).await.ok();
            }
        }
        self.assert_without().await;
    }

    /// What was said to be undone is undone, without a minute's delay; what is left is said, and journalled.
    async fn assert_truth(&self, said: &str, before: &Value) {
        if still_at_it(said) {
            return;
        }
        if said.contains(LEFT) {
            assert!(said.contains("it is journalled"), "{said}");
            return;
        }
        assert_eq!(self.stage.machine.open_entries(), 0, "{said}");
        self.stage
            .as_before_but_for(before, but_for_operations)
            .await;
        let log = self.stage.arrays.control.log(None);
        if log.iter().any(|command| command.changed) {
            let what = match self.job.way {
                Way::In
                    if !log
                        .iter()
                        .any(|c| c.changed && c.line.starts_with("createvv ")) =>
                {
                    ""
                }
                Way::In => "VV `dkv-db1` removed",
                Way::Out => "the volume is usable again",
            };
            assert!(said.contains("undone: ") && said.contains(what), "{said}");
        }
    }

    async fn is_listed(&self) -> bool {
        self.stage.plugin.list().await.contains(&"db1".to_owned())
    }

    /// The volume is ready on every array that has to have it, and its group runs with it.
    #[track_caller]
    pub fn assert_whole(&self) {
        let dump = self.stage.arrays.dump();
        for (array, group) in [(HOME, "prod"), (PEER, "prod.r130512")] {
            if self.job.place == Place::Plain && array == PEER {
                continue;
            }
            let vv = &dump[array]["vvs"]["dkv-db1"];
            let comment = vv["comment"].as_str().unwrap_or("none");
            assert!(comment.contains("/state=ready/"), "{array}: {vv:#}");
            assert_eq!(
                dump[array]["vv_sets"], self.without[array]["vv_sets"],
                "{array}"
            );
            if self.job.place == Place::Plain {
                continue;
            }
            let group = &dump[array]["groups"][group];
            assert_eq!(group["status"], "Started", "{array}: {group:#}");
            let members = group["volumes"].as_array().unwrap();
            let expected = 1 + usize::from(self.job.place == Place::Beside);
            assert_eq!(members.len(), expected, "{array}: {group:#}");
            let is_in = members.iter().any(|member| member["local"] == "dkv-db1");
            assert!(is_in, "{array}: {group:#}");
        }
    }

    /// Nothing of the volume, and everything else as it was.
    pub async fn assert_without(&self) {
        assert!(!self.is_listed().await);
        self.stage.as_before(&self.without).await;
    }

    pub async fn end(self) {
        if self.job.place == Place::Beside {
            self.stage.remove("other").await.ok();
        }
        self.stage.end().await;
    }
}

/// It goes on after its answer.
pub fn still_at_it(said: &str) -> bool {
    said.contains("still running after ")
}
