//! A filesystem that is not as it should be: recognised, explained, never repaired. Journals are replayed by mount(2) itself, and that
//! is no damage.

use nix::errno::Errno;

use super::{BlockDevice, CommandReport, HostError, Kernel, command::run, probe::LOOKING};
use crate::model::FsType;

/// What a filesystem says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Not mounted: one without a journal must have been unmounted.
    Before,
    /// Mounted, its journal replayed.
    Mounted,
}

/// Refuses a filesystem that has damage written down which mount(2) overlooks: ext4 is mounted in spite of it (array fact 90). That of XFS
/// is found by mount(2).
///
/// # Errors
/// [`HostError::Unsound`]; [`HostError::ToolMissing`], [`HostError::Deadline`], [`HostError::Io`] when it cannot be told.
pub(super) async fn must_be_sound(
    device: &BlockDevice,
    kind: FsType,
    when: When,
) -> Result<(), HostError> {
    if kind != FsType::Ext4 {
        return Ok(());
    }
    let report = run(
        "dumpe2fs",
        &["-h".as_ref(), device.path().as_ref()],
        LOOKING,
    )
    .await?;
    let found = match report.code {
        Some(0) => recorded(&report.stdout, when),
        _ => Some(format!("`dumpe2fs -h` says: {}", complaints(&report))),
    };
    match found {
        None => Ok(()),
        Some(found) => Err(unsound(device, kind, found)),
    }
}

/// What dumpe2fs(8) complains of. It begins with its version, and goes on with whatever it could read.
fn complaints(report: &CommandReport) -> String {
    let lines = report.stderr.lines().map(str::trim);
    let said: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("dumpe2fs 1."))
        .collect();
    said.join(" / ")
}

/// What speaks against a filesystem in what dumpe2fs(8) says of it.
fn recorded(said: &str, when: When) -> Option<String> {
    let value = |key: &str| {
        let mut pairs = said.lines().filter_map(|line| line.split_once(':'));
        pairs
            .find(|(k, _)| *k == key)
            .map(|(_, value)| value.trim())
    };
    let Some(state) = value("Filesystem state") else {
        return Some("`dumpe2fs -h` tells no state of it".to_owned());
    };
    let mut found = format!("its state is `{state}`");
    match state {
        "clean" => return None,
        // A mounted one without a journal is not clean; whether it was before has been looked at then.
        "not clean" if when == When::Mounted => return None,
        "not clean" => found.push_str(", and it has no journal to replay"),
        _ => {}
    }
    if let Some(count) = value("FS Error count") {
        found.push_str(&format!(", the kernel has found errors ({count})"));
    }
    if let Some(time) = value("Last error time") {
        let kind = value("Last error err").unwrap_or("error");
        let function = value("Last error function").unwrap_or("unknown");
        found.push_str(&format!(", the last, {kind} in `{function}`, at {time}"));
    }
    Some(found)
}

/// Why mount(2) refused, as far as the filesystem is the reason. `said` is the kernel's log.
pub(super) fn explain(
    device: &BlockDevice,
    kind: FsType,
    refusal: Errno,
    said: &[String],
) -> HostError {
    let told = |found: &str| {
        let found = format!("{found} ({refusal})");
        match said {
            [] => found,
            said => format!("{found}: {}", said.join(" / ")),
        }
    };
    let is_twice = said.iter().any(|line| line.contains("duplicate UUID"));
    match refusal {
        Errno::EACCES | Errno::EROFS => HostError::ReadOnly {
            path: device.path().to_owned(),
            why: told("the device takes no writes"),
        },
        Errno::ENODEV => HostError::NoFilesystem {
            kind,
            device: device.path().to_owned(),
        },
        Errno::EINVAL if is_twice => HostError::MountedTwin {
            device: device.path().to_owned(),
            wwn: device.wwn().clone(),
            kind,
        },
        Errno::EUCLEAN | Errno::EBADMSG => {
            unsound(device, kind, told("the kernel finds it damaged"))
        }
        Errno::EINVAL => unsound(device, kind, told("the kernel does not recognise it")),
        // Without a word about the filesystem it is the device.
        Errno::EIO if !said.is_empty() => {
            unsound(device, kind, told("the kernel cannot read all of it"))
        }
        _ => HostError::io("mount", device.path(), refusal.into()),
    }
}

pub(super) fn unsound(device: &BlockDevice, kind: FsType, found: String) -> HostError {
    HostError::Unsound {
        device: device.path().to_owned(),
        wwn: device.wwn().clone(),
        kind,
        found,
    }
}

/// The device as the kernel's log calls it; its number where sysfs does not know it any more.
pub(super) fn name_in_log(kernel: &Kernel, device: &BlockDevice) -> String {
    let link = kernel.sys().join(format!("dev/block/{}", device.number()));
    let name = std::fs::read_link(link)
        .ok()
        .and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| device.number().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clean_state_is_clean_and_a_journal_is_no_damage() {
        let clean = "Filesystem features:      has_journal needs_recovery\nFilesystem state:         clean\n";
        assert_eq!(recorded(clean, When::Before), None);
        let unclean = "Filesystem state:         not clean\n";
        assert_eq!(recorded(unclean, When::Mounted), None);
        assert_eq!(
            recorded(unclean, When::Before).unwrap(),
            "its state is `not clean`, and it has no journal to replay"
        );
        assert_eq!(
            recorded("Filesystem UUID: x\n", When::Mounted).unwrap(),
            "`dumpe2fs -h` tells no state of it"
        );
        for when in [When::Before, When::Mounted] {
            for state in ["clean with errors", "not clean with errors"] {
                let said = format!(
                    "Filesystem state:         {state}\nFS Error count:           3\n\
                     Last error time:          Sat Nov 28 17:35:26 2026\nLast error function:      ext4_lookup\n\
                     Last error err:           EFSCORRUPTED\n"
                );
                assert_eq!(
                    recorded(&said, when).unwrap(),
                    format!(
                        "its state is `{state}`, the kernel has found errors (3), the last, EFSCORRUPTED in `ext4_lookup`, \
                         at Sat Nov 28 17:35:26 2026"
                    )
                );
            }
            assert!(
                recorded("Filesystem state: something new\n", when).is_some(),
                "an unknown word is not clean"
            );
        }
    }
}
