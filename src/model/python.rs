//! How HPE's python plugin calls and describes its volumes on an array.
//!
//! A volume is `dcv-`, a snapshot `dcs-`, and the 16 bytes of a UUID in base64 with `.` for `+` and `-` for `/`. Its comment is JSON, as
//! python writes it; a clone that was made online has none. It kept all else in a database of its own.

use data_encoding::BASE64_NOPAD;
use serde::Deserialize;

use super::{SetName, VvName};

/// What the python plugin made, by the VV's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonKind {
    /// A volume, a clone, or what it imported.
    Volume,
    /// A snapshot.
    Snapshot,
}

impl PythonKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Volume, Self::Snapshot];

    /// What the names of its VVs begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Volume => "dcv-",
            Self::Snapshot => "dcs-",
        }
    }
}

/// A name that only the python plugin gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonName {
    /// What it made.
    pub kind: PythonKind,
    uuid: [u8; 16],
}

impl PythonName {
    /// Reads a VV's name. None for one that only looks like it: 22 characters that are no 16 bytes in base64.
    pub fn of(vv: &VvName) -> Option<Self> {
        let (kind, code) = PythonKind::ALL.into_iter().find_map(|kind| {
            let code = vv.as_str().strip_prefix(kind.prefix())?;
            Some((kind, code))
        })?;
        let uuid = read_code(code)?;
        Some(Self { kind, uuid })
    }

    /// The VV set that the python plugin makes for this one alone, for flash cache or a QoS rule.
    pub fn vv_set(&self) -> Option<SetName> {
        SetName::new(&format!("vvs-{}", write_code(&self.uuid))).ok()
    }

    /// The volume's id in the python plugin's database.
    pub fn uuid(&self) -> String {
        hyphenated(&self.uuid)
    }
}

fn read_code(code: &str) -> Option<[u8; 16]> {
    let base64 = code.replace('.', "+").replace('-', "/");
    BASE64_NOPAD.decode(base64.as_bytes()).ok()?.try_into().ok()
}

fn write_code(uuid: &[u8; 16]) -> String {
    let base64 = BASE64_NOPAD.encode(uuid);
    base64.replace('+', ".").replace('/', "-")
}

fn hyphenated(uuid: &[u8; 16]) -> String {
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

fn read_hyphenated(text: &str) -> Option<[u8; 16]> {
    let hex = text.replace('-', "");
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    let uuid: [u8; 16] = bytes?.try_into().ok()?;
    (hyphenated(&uuid) == text).then_some(uuid)
}

/// What the python plugin wrote into a VV's comment, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PythonComment {
    /// The name that Docker had for it.
    pub display_name: String,
    /// Of a volume its own id, of a snapshot its volume's.
    pub volume_id: String,
    /// Of a snapshot: the name that Docker had for its volume.
    #[serde(default)]
    pub volume_name: Option<String>,
}

impl PythonComment {
    /// Reads a comment; none for anybody else's.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// The comment on a volume of this name, as the python plugin writes it.
fn of_a_volume(uuid: &str, display: &str) -> String {
    format!(
        r#"{{"volume_id": "{uuid}", "name": "{uuid}", "type": "Docker", "display_name": "{display}"}}"#
    )
}

/// The comment on a snapshot.
fn of_a_snapshot(parent: &str, parent_display: &str, display: &str) -> String {
    format!(
        r#"{{"volume_name": "{parent_display}", "volume_id": "{parent}", "display_name": "{display}", "description": "snapshot of volume {parent_display}"}}"#
    )
}

/// A comment that is exactly what the python plugin writes on a VV of this name, in short: 511 characters have no room for it and for
/// another one.
pub(super) fn shorten(was: &VvName, text: &str) -> Option<String> {
    let comment = PythonComment::parse(text)?;
    let short = match PythonName::of(was)?.kind {
        PythonKind::Volume => comment.display_name,
        PythonKind::Snapshot => {
            let parent = write_code(&read_hyphenated(&comment.volume_id)?);
            let parent_display = comment.volume_name?;
            format!("{parent}:{parent_display}:{}", comment.display_name)
        }
    };
    (lengthen(was, &short)? == text).then_some(short)
}

/// The comment that [`shorten`] shortened.
pub(super) fn lengthen(was: &VvName, short: &str) -> Option<String> {
    let name = PythonName::of(was)?;
    match name.kind {
        PythonKind::Volume => Some(of_a_volume(&name.uuid(), short)),
        PythonKind::Snapshot => {
            let mut parts = short.splitn(3, ':');
            let parent = hyphenated(&read_code(parts.next()?)?);
            Some(of_a_snapshot(&parent, parts.next()?, parts.next()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vv(name: &str) -> VvName {
        VvName::new(name).unwrap()
    }

    #[test]
    fn names_are_read_as_the_python_plugin_writes_them() {
        for (name, uuid) in [
            (
                "dcv-rNQ35-G7TkS-7v.GUQuQDg",
                "acd437e7-f1bb-4e44-bfee-ff86510b900e",
            ),
            (
                "dcv-7P-DD5jLTPWF7tcwnMF80g",
                "ecffc30f-98cb-4cf5-85ee-d7309cc17cd2",
            ),
            // Only `-` and `.` but for the ends.
            (
                "dcv---------T-.----------w",
                "ffffffff-ffff-4fff-bfff-ffffffffffff",
            ),
            (
                "dcs-L4I73ONuTci9Fd4ceij-MQ",
                "2f823bdc-e36e-4dc8-bd15-de1c7a28ff31",
            ),
        ] {
            let read = PythonName::of(&vv(name)).unwrap();
            assert_eq!(read.uuid(), uuid);
            assert_eq!(
                format!("{}{}", read.kind.prefix(), write_code(&read.uuid)),
                name
            );
            assert_eq!(
                read.vv_set().unwrap().as_str(),
                format!("vvs-{}", &name[4..])
            );
        }
        for other in [
            "dcv-orders",
            "dkv-db1",
            "dcv-rNQ35-G7TkS-7v.GUQuQD_",
            "vvs-rNQ35-G7TkS-7v.GUQuQDg",
        ] {
            assert_eq!(PythonName::of(&vv(other)), None, "{other}");
        }
    }

    #[test]
    fn its_comments_are_shortened_only_where_nothing_is_lost() {
        let volume = vv("dcv-rNQ35-G7TkS-7v.GUQuQDg");
        let uuid = "acd437e7-f1bb-4e44-bfee-ff86510b900e";
        let text = of_a_volume(uuid, "orders");
        assert_eq!(shorten(&volume, &text).as_deref(), Some("orders"));
        assert_eq!(lengthen(&volume, "orders"), Some(text.clone()));

        let snapshot = vv("dcs-L4I73ONuTci9Fd4ceij-MQ");
        let of_it = of_a_snapshot(uuid, "orders", "monday");
        let short = shorten(&snapshot, &of_it).unwrap();
        assert_eq!(short, "rNQ35-G7TkS-7v.GUQuQDg:orders:monday");
        assert_eq!(lengthen(&snapshot, &short), Some(of_it));

        // Another order, another volume's id, another blank, somebody else's text.
        let swapped = text
            .replace("volume_id", "x")
            .replace("\"name\"", "\"volume_id\"");
        for other in [
            swapped.as_str(),
            &text.replace("acd437e7", "acd437e8"),
            &text.replace(": ", ":"),
            "{\"display_name\": \"orders\"}",
            "orders",
        ] {
            assert_eq!(shorten(&volume, other), None, "{other}");
        }
    }
}
