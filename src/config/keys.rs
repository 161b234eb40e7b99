//! Every key of hpe.conf: where it may stand and what holds when it is absent.

/// A part of hpe.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `[DEFAULT]`.
    Default,
    /// A backend's section.
    Backend,
    /// A backend's `replication_device`.
    Target,
}

/// One key. A key of both `[DEFAULT]` and another place falls back to `[DEFAULT]`; no other key does.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) places: &'static [Place],
    /// TOML text of the default; empty if there is none or it depends on other keys.
    pub(super) default: &'static str,
    pub(super) secret: bool,
}

impl Key {
    pub(super) fn is_at(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    pub(super) fn falls_back(&self) -> bool {
        self.is_at(Place::Default)
    }
}

const GLOBAL: &[Place] = &[Place::Default];
const BACKEND: &[Place] = &[Place::Backend];
const TARGET: &[Place] = &[Place::Target];
const ARRAY: &[Place] = &[Place::Backend, Place::Target];
const ARRAY_OR_DEFAULT: &[Place] = &[Place::Backend, Place::Target, Place::Default];

const fn key(name: &'static str, places: &'static [Place], default: &'static str) -> Key {
    Key {
        name,
        places,
        default,
        secret: false,
    }
}

/// All of them, in the order in which `config show` prints them.
pub(super) const KEYS: &[Key] = &[
    key("namespace", GLOBAL, r#""""#),
    key("engine_timeout", GLOBAL, r#""120s""#),
    key("state_dir", GLOBAL, r#""/var/lib/hpe3par-docker""#),
    key("mount_prefix", GLOBAL, ""),
    key("run_dir", GLOBAL, r#""/run/hpe3par-docker""#),
    key("socket", GLOBAL, r#""/run/docker/plugins/hpe.sock""#),
    key("transcript_dir", GLOBAL, r#""/var/log/hpe3par-docker""#),
    key("transcript_max_size", GLOBAL, r#""10 MiB""#),
    key("transcript_max_age", GLOBAL, r#""30d""#),
    key(
        "template_dir",
        GLOBAL,
        r#""/etc/hpedockerplugin/templates""#,
    ),
    key("logging", GLOBAL, r#""info""#),
    key("san_ip", ARRAY, ""),
    key("san_ssh_port", ARRAY, "22"),
    key("san_login", ARRAY, ""),
    Key {
        name: "san_password",
        places: ARRAY,
        default: "",
        secret: true,
    },
    key("san_password_file", ARRAY, ""),
    key("san_private_key", ARRAY, ""),
    key("san_private_key_passphrase_file", ARRAY, ""),
    key(
        "ssh_hosts_key_file",
        ARRAY_OR_DEFAULT,
        r#""/etc/hpedockerplugin/known_hosts""#,
    ),
    key("strict_ssh_host_key_policy", ARRAY_OR_DEFAULT, "true"),
    key("ssh_legacy_algorithms", ARRAY_OR_DEFAULT, "false"),
    key("ssh_pool_size", ARRAY_OR_DEFAULT, "4"),
    key("ssh_conn_timeout", ARRAY_OR_DEFAULT, r#""30s""#),
    key("command_timeout", ARRAY_OR_DEFAULT, r#""120s""#),
    key("hpe3par_cpg", BACKEND, ""),
    key("hpe3par_snapcpg", BACKEND, ""),
    key("protocol", BACKEND, ""),
    key("hpedockerplugin_driver", BACKEND, ""),
    key("hpe3par_iscsi_ips", ARRAY, "[]"),
    key("hpe3par_iscsi_chap_enabled", ARRAY, "false"),
    key("lone_primary", BACKEND, r#""mount""#),
    key("takeover", BACKEND, r#""dead-host""#),
    key("simulated_dir", BACKEND, ""),
    key("simulated_host", BACKEND, ""),
    key("simulated_initiator", BACKEND, ""),
    key("simulated_machine_id", BACKEND, ""),
    key("replication_device", BACKEND, ""),
    key("backend_id", TARGET, ""),
    key("replication_mode", TARGET, ""),
    key("sync_period", TARGET, ""),
    key("quorum_witness_ip", TARGET, ""),
    key("cpg_map", TARGET, ""),
    key("snap_cpg_map", TARGET, ""),
];

/// Keys of HPE's python plugin that have nothing to do here, and why.
const RETIRED: &[(&str, &str)] = &[
    (
        "host_etcd_",
        "there is no etcd: the arrays themselves keep what is known",
    ),
    (
        "hpe3par_api_url",
        "the web service of the array is not used",
    ),
    (
        "hpe3par_username",
        "the web service of the array is not used; `san_login` is",
    ),
    (
        "hpe3par_password",
        "the web service of the array is not used; `san_password_file` is",
    ),
    ("hpe3par_debug", "every command is in the transcript"),
    (
        "suppress_requests_ssl_warnings",
        "the web service of the array is not used",
    ),
    ("use_multipath", "multipath is always used"),
    ("enforce_multipath", "multipath is always used"),
    ("iscsi_ip_address", "use `hpe3par_iscsi_ips`"),
    ("iscsi_port", "use `hpe3par_iscsi_ips` with `address:port`"),
];

pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Why a key of the python plugin is not known any more.
pub(super) fn retired(name: &str) -> Option<&'static str> {
    RETIRED
        .iter()
        .find(|(old, _)| name.starts_with(old))
        .map(|(_, why)| *why)
}

/// The known key that was probably meant, first among those that may stand there.
pub(super) fn nearest_key(name: &str, place: Place) -> Option<&'static str> {
    let here = KEYS
        .iter()
        .filter(|key| key.is_at(place))
        .map(|key| key.name);
    nearest(name, here).or_else(|| nearest(name, KEYS.iter().map(|key| key.name)))
}

/// The word that differs from `text` in a third of its letters at most.
pub(super) fn nearest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = text.to_ascii_lowercase();
    words
        .map(|word| {
            (
                strsim::damerau_levenshtein(&lower, &word.to_ascii_lowercase()),
                word,
            )
        })
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
