//! What dm-multipath's configuration says of 3PAR volumes, against what Peer Persistence needs (array fact 73).
//!
//! multipathd prints the configuration that is in effect, its built-in knowledge of arrays included, in the form of
//! multipath.conf. It is only read: the file is the administrator's.

use std::fmt;

use regex::Regex;

/// What a 3PAR volume says it is.
const VENDOR: &str = "3PARdata";
const PRODUCT: &str = "VV";

/// A setting that keeps volumes from surviving the loss of a path or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub setting: Setting,
    /// What it is. None if nothing says.
    pub is: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = self.is.as_deref().unwrap_or("not set");
        let (name, wanted, why) = (
            self.setting.name(),
            self.setting.wanted(),
            self.setting.why(),
        );
        write!(
            f,
            "multipath.conf: `{name}` is `{is}` for 3PAR volumes, not `{wanted}`: {why}"
        )
    }
}

/// Settings that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Which paths are used together.
    PathGroupingPolicy,
    /// Who tells good paths from bad ones.
    Prio,
    /// Who notices that the arrays have changed places.
    HardwareHandler,
    /// How a path is tried.
    PathChecker,
    /// How long writes wait when there is no path.
    NoPathRetry,
    /// When paths are used again that were lost.
    Failback,
    /// How long a lost Fibre Channel port keeps its disks.
    DevLossTmo,
    /// Whether a path that comes back is asked who it is. Older releases do not know it.
    RecheckWwid,
}

impl Setting {
    const ALL: [Self; 8] = [
        Self::PathGroupingPolicy,
        Self::Prio,
        Self::HardwareHandler,
        Self::PathChecker,
        Self::NoPathRetry,
        Self::Failback,
        Self::DevLossTmo,
        Self::RecheckWwid,
    ];

    /// Its keyword in multipath.conf.
    pub fn name(self) -> &'static str {
        match self {
            Self::PathGroupingPolicy => "path_grouping_policy",
            Self::Prio => "prio",
            Self::HardwareHandler => "hardware_handler",
            Self::PathChecker => "path_checker",
            Self::NoPathRetry => "no_path_retry",
            Self::Failback => "failback",
            Self::DevLossTmo => "dev_loss_tmo",
            Self::RecheckWwid => "recheck_wwid",
        }
    }

    /// What it should be.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::PathGroupingPolicy => "group_by_prio",
            Self::Prio => "alua",
            Self::HardwareHandler => "1 alua",
            Self::PathChecker => "tur",
            Self::NoPathRetry => "18",
            Self::Failback => "immediate",
            Self::DevLossTmo => "infinity",
            Self::RecheckWwid => "yes",
        }
    }

    /// What goes wrong otherwise.
    fn why(self) -> &'static str {
        match self {
            Self::PathGroupingPolicy => "paths on stand-by would be used like the others",
            Self::Prio => "the array that serves would not be preferred",
            Self::HardwareHandler => "a switchover would be noticed late",
            Self::PathChecker => "paths on stand-by would count as lost",
            Self::NoPathRetry => {
                "without a path, writes must wait for some minutes, but not for ever: what waits for ever cannot be killed"
            }
            Self::Failback => "paths that come back would not be used",
            Self::DevLossTmo => {
                "disks of a lost port would go, and not all of them come back by themselves"
            }
            Self::RecheckWwid => {
                "a path that comes back as another volume would be used like before"
            }
        }
    }

    fn is_good(self, value: &str, detected: bool) -> bool {
        match self {
            // `detect_prio` makes it alua for an array that knows it, whatever is written here.
            Self::Prio => detected || matches!(value, "alua" | "sysfs"),
            Self::PathGroupingPolicy => matches!(value, "group_by_prio" | "group_by_tpg"),
            // A number of tries; 0 and `fail` give up at once.
            Self::NoPathRetry => value.parse::<u32>().is_ok_and(|tries| tries > 0),
            // How older releases write infinity.
            Self::DevLossTmo => matches!(value, "infinity" | "2147483647" | "4294967295"),
            Self::Failback => value == "immediate" || value.parse::<u32>().is_ok_and(|s| s > 0),
            Self::HardwareHandler | Self::PathChecker | Self::RecheckWwid => value == self.wanted(),
        }
    }
}

/// What is wrong with a configuration.
pub(super) fn check(text: &str) -> Vec<Finding> {
    let effective = Effective::read(text);
    let detected = effective.value("detect_prio") == Some("yes");
    let mut findings = Vec::new();
    for setting in Setting::ALL {
        let value = effective.value(setting.name());
        // What is not printed is not known to this release.
        let good = match value {
            Some(value) => setting.is_good(value, detected),
            None => setting == Setting::RecheckWwid,
        };
        if !good {
            findings.push(Finding {
                setting,
                is: value.map(str::to_owned),
            });
        }
    }
    // The older way to say that writes wait for ever; it counts where no_path_retry does not say otherwise.
    let features = effective.value("features").unwrap_or_default();
    let says = effective.value("no_path_retry");
    if features.contains("queue_if_no_path") && says.is_none() {
        let queue = findings
            .iter_mut()
            .find(|finding| finding.setting == Setting::NoPathRetry);
        if let Some(finding) = queue {
            finding.is = Some(features.to_owned());
        }
    }
    findings
}

/// The sections that say something of 3PAR volumes, the weakest first.
struct Effective {
    sections: Vec<Vec<(String, String)>>,
}

impl Effective {
    /// The last word wins: overrides, then the last device that matches, then the others, then the defaults.
    fn value(&self, name: &str) -> Option<&str> {
        let mut settings = self.sections.iter().rev().flatten();
        settings
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Tolerant: what is not understood is not there.
    fn read(text: &str) -> Self {
        let (mut defaults, mut devices, mut overrides) = (Vec::new(), Vec::new(), Vec::new());
        let mut within: Vec<String> = Vec::new();
        let mut section = Vec::new();
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            if let Some(name) = line.strip_suffix('{') {
                within.push(name.trim().to_owned());
                if within.len() == 1 || name.trim() == "device" {
                    section.clear();
                }
            } else if line == "}" {
                let path: Vec<&str> = within.iter().map(String::as_str).collect();
                let done = std::mem::take(&mut section);
                match path[..] {
                    ["defaults"] => defaults.push(done),
                    ["overrides"] => overrides.push(done),
                    ["devices", "device"] if is_3par(&done) => devices.push(done),
                    // A `protocol` in the overrides is about one kind of path; what was read before it still counts.
                    ["overrides", _] => section = done,
                    _ => {}
                }
                within.pop();
            } else if let Some((name, value)) = line.split_once(char::is_whitespace)
                && (within.len() < 2 || within[0] == "devices")
            {
                let value = value.trim().trim_matches('"');
                section.push((name.to_owned(), value.to_owned()));
            }
        }
        let sections = [defaults, devices, overrides].concat();
        Self { sections }
    }
}

/// Vendor and product are expressions that match from the beginning.
fn is_3par(device: &[(String, String)]) -> bool {
    let matches = |name: &str, is: &str| {
        let expression = device
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value);
        expression.is_some_and(|expression| {
            Regex::new(&format!("^(?:{expression})"))
                .is_ok_and(|expression| expression.is_match(is))
        })
    };
    matches("vendor", VENDOR) && matches("product", PRODUCT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
defaults {
\tverbosity 2
\tpath_grouping_policy \"failover\"
\tprio \"const\"
\tpath_checker \"tur\"
\tno_path_retry \"fail\"
\tdetect_prio \"yes\"
}
blacklist {
\tdevnode \"!^(sd[a-z]|dasd[a-z]|nvme[0-9])\"
}
devices {
\tdevice {
\t\tvendor \"3PARdata\"
\t\tproduct \"VV\"
\t\tpath_grouping_policy \"group_by_prio\"
\t\thardware_handler \"1 alua\"
\t\tprio \"alua\"
\t\tfailback \"immediate\"
\t\tno_path_retry 18
\t\tfast_io_fail_tmo 10
\t\tdev_loss_tmo \"infinity\"
\t}
\tdevice {
\t\tvendor \"IBM\"
\t\tproduct \"^2145\"
\t\tpath_checker \"directio\"
\t\tno_path_retry \"queue\"
\t}
}
overrides {
}
";

    fn found(text: &str) -> Vec<(Setting, Option<String>)> {
        check(text).into_iter().map(|f| (f.setting, f.is)).collect()
    }

    #[test]
    fn what_dm_multipath_knows_of_3par_by_itself_is_good() {
        assert_eq!(found(GOOD), []);
    }

    #[test]
    fn each_setting_that_would_lose_a_volume_is_found() {
        for (good, bad, setting) in [
            (
                "\"group_by_prio\"",
                "\"multibus\"",
                Setting::PathGroupingPolicy,
            ),
            ("\"1 alua\"", "\"0\"", Setting::HardwareHandler),
            ("\"immediate\"", "\"manual\"", Setting::Failback),
            (
                "\t\tno_path_retry 18",
                "\t\tno_path_retry \"queue\"",
                Setting::NoPathRetry,
            ),
            (
                "\t\tno_path_retry 18",
                "\t\tno_path_retry 0",
                Setting::NoPathRetry,
            ),
            ("\"infinity\"", "60", Setting::DevLossTmo),
            (
                "\tpath_checker \"tur\"",
                "\tpath_checker \"directio\"",
                Setting::PathChecker,
            ),
        ] {
            let text = GOOD.replacen(good, bad, 1);
            let [(what, Some(is))] = &found(&text)[..] else {
                panic!("{bad}: {:?}", found(&text))
            };
            assert_eq!(*what, setting, "{bad}");
            assert!(bad.contains(is.as_str()), "{is}");
        }
    }

    #[test]
    fn a_fixed_priority_counts_only_where_none_is_detected() {
        let fixed = GOOD.replacen("prio \"alua\"", "prio \"const\"", 1);
        assert_eq!(found(&fixed), []);
        let neither = fixed.replacen("detect_prio \"yes\"", "detect_prio \"no\"", 1);
        assert_eq!(found(&neither), [(Setting::Prio, Some("const".to_owned()))]);
    }

    #[test]
    fn paths_are_asked_who_they_are_where_multipathd_can() {
        assert_eq!(found(GOOD), []);
        let asked = |how: &str| {
            GOOD.replacen(
                "defaults {",
                &format!("defaults {{\n\trecheck_wwid \"{how}\""),
                1,
            )
        };
        assert_eq!(found(&asked("yes")), []);
        assert_eq!(
            found(&asked("no")),
            [(Setting::RecheckWwid, Some("no".to_owned()))]
        );
    }

    #[test]
    fn overrides_win_and_so_does_the_later_device() {
        let text = GOOD.replacen("overrides {", "overrides {\n\tno_path_retry \"queue\"\n\tprotocol {\n\t\ttype \"scsi:fcp\"\n\t\tdev_loss_tmo 5\n\t}", 1);
        let queue = (Setting::NoPathRetry, Some("queue".to_owned()));
        assert_eq!(found(&text), std::slice::from_ref(&queue));
        let later = "devices {\n device {\n  vendor \"3PAR.*\"\n  product \".*\"\n  no_path_retry queue\n }\n}\n";
        assert_eq!(found(&format!("{GOOD}{later}")), [queue]);
        let other = later.replace("3PAR.*", "PARdata");
        assert_eq!(found(&format!("{GOOD}{other}")), []);
    }

    #[test]
    fn nothing_that_is_said_is_nothing_that_is_good() {
        assert_eq!(check("what is this").len(), Setting::ALL.len() - 1);
        let text = "devices {\n device {\n  vendor \"3PARdata\"\n  product \"VV\"\n  features \"1 queue_if_no_path\"\n }\n}\n";
        let retry = check(text)
            .into_iter()
            .find(|f| f.setting == Setting::NoPathRetry)
            .unwrap();
        assert_eq!(
            retry.to_string(),
            "multipath.conf: `no_path_retry` is `1 queue_if_no_path` for 3PAR volumes, not `18`: without a path, writes must wait for some minutes, but not for ever: what waits for ever cannot be killed"
        );
    }
}
