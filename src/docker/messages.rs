//! The bodies of the protocol's requests and answers.

use std::{fmt, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::options::RawOptions;

/// The nine requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Activate,
    Capabilities,
    Create,
    Remove,
    Mount,
    Unmount,
    Path,
    Get,
    List,
}

impl Verb {
    const ALL: [Self; 9] = [
        Self::Activate,
        Self::Capabilities,
        Self::Create,
        Self::Remove,
        Self::Mount,
        Self::Unmount,
        Self::Path,
        Self::Get,
        Self::List,
    ];

    /// The request's path without its slash.
    pub fn path(self) -> &'static str {
        match self {
            Self::Activate => "Plugin.Activate",
            Self::Capabilities => "VolumeDriver.Capabilities",
            Self::Create => "VolumeDriver.Create",
            Self::Remove => "VolumeDriver.Remove",
            Self::Mount => "VolumeDriver.Mount",
            Self::Unmount => "VolumeDriver.Unmount",
            Self::Path => "VolumeDriver.Path",
            Self::Get => "VolumeDriver.Get",
            Self::List => "VolumeDriver.List",
        }
    }

    /// What a user can do when the answer did not come in time.
    pub fn late_hint(self) -> &'static str {
        match self {
            Self::Create => "create it again with the same options to wait for it",
            Self::Remove => "remove it again to wait for it",
            Self::Mount => "start the container again within a minute to wait for it",
            Self::Unmount => "`docker volume inspect` shows when it has finished",
            Self::Activate | Self::Capabilities | Self::Path | Self::Get | Self::List => {
                "look in the plugin's log"
            }
        }
    }

    /// True if the request may change something, here or on an array.
    pub fn changes(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Remove | Self::Mount | Self::Unmount
        )
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// A path that is none of the nine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such request")]
pub(super) struct NoSuchVerb;

impl FromStr for Verb {
    type Err = NoSuchVerb;
    fn from_str(path: &str) -> Result<Self, NoSuchVerb> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.path() == path)
            .ok_or(NoSuchVerb)
    }
}

/// Body of `Create`. Fields that are not known are left alone: engines add some.
#[derive(Debug, Deserialize)]
pub(super) struct CreateRequest {
    #[serde(rename = "Name", default)]
    pub name: Option<String>,
    /// Null and absent are the same as empty.
    #[serde(rename = "Opts", default)]
    pub options: Option<RawOptions>,
}

/// Body of `Remove`, `Path` and `Get`.
#[derive(Debug, Deserialize)]
pub(super) struct NameRequest {
    #[serde(rename = "Name", default)]
    pub name: Option<String>,
}

/// Body of `Mount` and `Unmount`.
#[derive(Debug, Deserialize)]
pub(super) struct MountRequest {
    #[serde(rename = "Name", default)]
    pub name: Option<String>,
    #[serde(rename = "ID", default)]
    pub id: Option<String>,
}

/// The answers. What each looks like is written in the engine's plugin API.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Activated {
        #[serde(rename = "Implements")]
        implements: [&'static str; 1],
    },
    Capable {
        #[serde(rename = "Capabilities")]
        capabilities: Capabilities,
    },
    Done {
        #[serde(rename = "Err")]
        err: &'static str,
    },
    Mounted {
        /// Empty when the volume is not mounted, which only `Path` says.
        #[serde(rename = "Mountpoint")]
        mountpoint: String,
    },
    Found {
        #[serde(rename = "Volume")]
        volume: VolumeAnswer,
    },
    Listed {
        #[serde(rename = "Volumes")]
        volumes: Vec<VolumeAnswer>,
    },
}

impl Answer {
    pub const ACTIVATED: Self = Self::Activated {
        implements: ["VolumeDriver"],
    };
    pub const CAPABLE: Self = Self::Capable {
        capabilities: Capabilities { scope: "global" },
    };
    pub const DONE: Self = Self::Done { err: "" };
}

#[derive(Debug, Serialize)]
pub(super) struct Capabilities {
    #[serde(rename = "Scope")]
    pub scope: &'static str,
}

/// One volume in the answer to `Get` or `List`.
#[derive(Debug, Serialize)]
pub(super) struct VolumeAnswer {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "Mountpoint", skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// RFC 3339. Left out when unknown: an empty or badly written time spoils the whole answer for the engine
    /// (array fact 23).
    #[serde(rename = "CreatedAt", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(rename = "Status", skip_serializing_if = "Option::is_none")]
    pub status: Option<Map<String, Value>>,
}

/// A path as the protocol carries it; `None` for one that JSON cannot hold exactly, because a path that is nearly right
/// would be another directory.
pub(super) fn path_text(path: &Path) -> Option<String> {
    path.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(answer: &Answer) -> String {
        serde_json::to_string(answer).unwrap()
    }

    #[test]
    fn paths_are_read_exactly() {
        for verb in Verb::ALL {
            assert_eq!(verb.path().parse(), Ok(verb));
        }
        for bad in [
            "",
            "VolumeDriver.create",
            "VolumeDriver.Snapshot",
            "Plugin.Activate ",
        ] {
            assert_eq!(bad.parse::<Verb>(), Err(NoSuchVerb), "{bad}");
        }
    }

    #[test]
    fn requests_take_null_absent_and_unknown_fields() {
        for body in [
            r#"{"Name":"a","Opts":null}"#,
            r#"{"Name":"a"}"#,
            r#"{"Name":"a","Labels":{}}"#,
        ] {
            let request: CreateRequest = serde_json::from_str(body).unwrap();
            assert_eq!(request.name.as_deref(), Some("a"));
            assert_eq!(request.options, None);
        }
        let request: CreateRequest =
            serde_json::from_str(r#"{"Name":null,"Opts":{"size":null}}"#).unwrap();
        assert_eq!(request.options.unwrap()["size"], None);
    }

    #[test]
    fn answers_are_spelled_as_the_engine_reads_them() {
        assert_eq!(
            json(&Answer::ACTIVATED),
            r#"{"Implements":["VolumeDriver"]}"#
        );
        assert_eq!(
            json(&Answer::CAPABLE),
            r#"{"Capabilities":{"Scope":"global"}}"#
        );
        assert_eq!(json(&Answer::DONE), r#"{"Err":""}"#);
        let mut volume = VolumeAnswer {
            name: "a".to_owned(),
            mountpoint: None,
            created_at: None,
            status: None,
        };
        assert_eq!(serde_json::to_string(&volume).unwrap(), r#"{"Name":"a"}"#);
        volume.created_at = Some("2026-03-01T08:00:00Z".to_owned());
        volume.mountpoint = path_text(Path::new("/m/a"));
        volume.status = Some(Map::new());
        assert_eq!(
            json(&Answer::Found { volume }),
            r#"{"Volume":{"Name":"a","Mountpoint":"/m/a","CreatedAt":"2026-03-01T08:00:00Z","Status":{}}}"#
        );
    }
}
