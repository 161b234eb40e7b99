//! Why a volume does not get the service level that was asked for, or cannot be removed because of one.

use crate::model::SetName;

/// What can be said against a VV set with a QoS rule, or against flash cache.
#[derive(Debug, thiserror::Error)]
pub enum ServiceLevelError {
    /// `qos-name` names no VV set.
    #[error("array `{array}` has no VV set `{set}`")]
    NoSuchSet {
        /// The array.
        array: String,
        /// The set.
        set: SetName,
    },
    /// The set has no rule.
    #[error("VV set `{set}` on array `{array}` has no QoS rule")]
    NoRule {
        /// The array.
        array: String,
        /// The set.
        set: SetName,
    },
    /// Whoever sees the set's volumes would see the new one.
    #[error("VV set `{set}` on array `{array}` is exported to {to}, which would see the volume")]
    SetExported {
        /// The array.
        array: String,
        /// The set.
        set: SetName,
        /// The hosts.
        to: String,
    },
    /// Primera and later have none.
    #[error("array `{array}` has no flash cache")]
    NoFlashCache {
        /// The array.
        array: String,
    },
    /// It has one, perhaps, and may not use it.
    #[error("array `{array}` is not licensed for `{licence}`")]
    NotLicensed {
        /// The array.
        array: String,
        /// As arrays list it.
        licence: &'static str,
    },
    /// The name of the volume's own set is in use.
    #[error("VV set `{set}` on array `{array}` is not this volume's")]
    ForeignSet {
        /// The array.
        array: String,
        /// The set.
        set: SetName,
    },
    /// Somebody put it there.
    #[error("it is in VV set {sets} on array `{array}`, where this plugin did not put it")]
    InSets {
        /// The array.
        array: String,
        /// All of them.
        sets: String,
    },
}

impl ServiceLevelError {
    /// What to do next.
    pub(in crate::volume) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchSet { .. } | Self::NoRule { .. } => {
                "the plugin makes no rules: see `showqos` and `showvvset`, and make one with `createvvset` and `setqos`".to_owned()
            }
            Self::SetExported { set, .. } => {
                format!("see `showvlun -t` for `set:{set}`; use a set that is not exported")
            }
            Self::NoFlashCache { .. } => "leave `flash-cache` out".to_owned(),
            Self::NotLicensed { .. } => {
                "leave `flash-cache` out, or compare with `showlicense`".to_owned()
            }
            Self::ForeignSet { set, .. } => format!("see `showvvset -d {set}`"),
            Self::InSets { .. } => {
                "take it out (`removevvset SET VV`) if nothing is in need of that".to_owned()
            }
        })
    }
}
