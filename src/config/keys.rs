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

/// What a value is made of. An old file says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// A number, or a text with a number and a unit.
    Number,
    /// True or false.
    Boolean,
    /// A list of texts.
    List,
    /// CPG here to CPG there.
    Map,
    /// A section of its own.
    Table,
}

/// One key. A key of both `[DEFAULT]` and another place falls back to `[DEFAULT]`; no other key does.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) places: &'static [Place],
    pub(super) shape: Shape,
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

const fn key(
    name: &'static str,
    places: &'static [Place],
    shape: Shape,
    default: &'static str,
) -> Key {
    Key {
        name,
        places,
        shape,
        default,
        secret: false,
    }
}

/// All of them, in the order in which `config show` prints them.
pub(super) const KEYS: &[Key] = &[
    key("namespace", GLOBAL, Shape::Text, r#""""#),
    key("engine_timeout", GLOBAL, Shape::Number, r#""120s""#),
    key(
        "state_dir",
        GLOBAL,
        Shape::Text,
        r#""/var/lib/hpe3par-docker""#,
    ),
    key("mount_prefix", GLOBAL, Shape::Text, ""),
    key("run_dir", GLOBAL, Shape::Text, r#""/run/hpe3par-docker""#),
    key(
        "socket",
        GLOBAL,
        Shape::Text,
        r#""/run/docker/plugins/hpe.sock""#,
    ),
    key(
        "transcript_dir",
        GLOBAL,
        Shape::Text,
        r#""/var/log/hpe3par-docker""#,
    ),
    key("transcript_max_size", GLOBAL, Shape::Number, r#""10 MiB""#),
    key("transcript_max_age", GLOBAL, Shape::Number, r#""30d""#),
    key(
        "template_dir",
        GLOBAL,
        Shape::Text,
        r#""/etc/hpedockerplugin/templates""#,
    ),
    key("logging", GLOBAL, Shape::Text, r#""info""#),
    key("san_ip", ARRAY, Shape::Text, ""),
    key("san_ssh_port", ARRAY, Shape::Number, "22"),
    key("san_login", ARRAY, Shape::Text, ""),
    Key {
        name: "san_password",
        places: ARRAY,
        shape: Shape::Text,
        default: "",
        secret: true,
    },
    key("san_password_file", ARRAY, Shape::Text, ""),
    key("san_private_key", ARRAY, Shape::Text, ""),
    key("san_private_key_passphrase_file", ARRAY, Shape::Text, ""),
    key(
        "ssh_hosts_key_file",
        ARRAY_OR_DEFAULT,
        Shape::Text,
        r#""/etc/hpedockerplugin/known_hosts""#,
    ),
    key(
        "strict_ssh_host_key_policy",
        ARRAY_OR_DEFAULT,
        Shape::Boolean,
        "true",
    ),
    key(
        "ssh_legacy_algorithms",
        ARRAY_OR_DEFAULT,
        Shape::Boolean,
        "false",
    ),
    key("ssh_pool_size", ARRAY_OR_DEFAULT, Shape::Number, "4"),
    key(
        "ssh_conn_timeout",
        ARRAY_OR_DEFAULT,
        Shape::Number,
        r#""30s""#,
    ),
    key(
        "command_timeout",
        ARRAY_OR_DEFAULT,
        Shape::Number,
        r#""120s""#,
    ),
    key("hpe3par_cpg", BACKEND, Shape::List, ""),
    key("hpe3par_snapcpg", BACKEND, Shape::List, ""),
    key("protocol", BACKEND, Shape::Text, ""),
    key("hpedockerplugin_driver", BACKEND, Shape::Text, ""),
    key("hpe3par_iscsi_ips", ARRAY, Shape::List, "[]"),
    key("hpe3par_iscsi_chap_enabled", ARRAY, Shape::Boolean, "false"),
    key("lone_primary", BACKEND, Shape::Text, r#""mount""#),
    key("takeover", BACKEND, Shape::Text, r#""dead-host""#),
    key("simulated_dir", BACKEND, Shape::Text, ""),
    key("simulated_host", BACKEND, Shape::Text, ""),
    key("simulated_initiator", BACKEND, Shape::Text, ""),
    key("simulated_machine_id", BACKEND, Shape::Text, ""),
    key("replication_device", BACKEND, Shape::Table, ""),
    key("backend_id", TARGET, Shape::Text, ""),
    key("replication_mode", TARGET, Shape::Text, ""),
    key("sync_period", TARGET, Shape::Number, ""),
    key("quorum_witness_ip", TARGET, Shape::Text, ""),
    key("cpg_map", TARGET, Shape::Map, ""),
    key("snap_cpg_map", TARGET, Shape::Map, ""),
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
    (
        "mount_conflict_delay",
        "it is an option of each volume: `-o mountConflictDelay`",
    ),
    ("use_chap_auth", "`hpe3par_iscsi_chap_enabled` is"),
    ("chap_", "`hpe3par_iscsi_chap_enabled` is all CHAP needs"),
    ("hpe3par_san_", "there is no File Persona"),
    ("hpe3par_server_ip_pool", "there is no File Persona"),
    ("hpe3par_default_fpg_size", "there is no File Persona"),
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
