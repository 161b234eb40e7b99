//! `showlicense`

use super::each;
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

/// Stands for every feature (array fact 124).
const ALL_FEATURES: &str = "golden license";

/// The features an array is licensed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licenses {
    /// As the array writes them, some with a capacity in brackets.
    pub names: Vec<String>,
}

impl Licenses {
    /// True if the feature, for example `Remote Copy`, is in the list.
    pub fn has(&self, feature: &str) -> bool {
        let feature = feature.to_ascii_lowercase();
        self.names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            name.strip_prefix(&feature).is_some_and(|rest| {
                rest.trim_start().is_empty() || rest.trim_start().starts_with('(')
            })
        })
    }

    /// True unless the list proves that the feature, for example `Adaptive Flash Cache`, is not licensed: a name with more behind it, a
    /// licence for everything, and a list of which nothing was understood prove nothing.
    pub fn may_allow(&self, feature: &str) -> bool {
        let feature = feature.to_ascii_lowercase();
        let allows = |name: &String| {
            let name = name.to_ascii_lowercase();
            name.contains(&feature) || name.contains(ALL_FEATURES)
        };
        self.names.is_empty() || self.names.iter().any(allows)
    }
}

impl Array {
    /// The features the array is licensed for.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showlicense(&self) -> Result<Licenses, ArrayError> {
        let names = self
            .read("showlicense", &Args::new(), |rows| {
                each(rows, |row| Ok(row.text("name")?.to_owned()))
            })
            .await?;
        Ok(Licenses { names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_that_was_understood_proves_that_a_feature_is_missing() {
        let may = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            Licenses { names }.may_allow("Adaptive Flash Cache")
        };
        assert!(!may(&["Remote Copy", "Virtual Copy"]));
        assert!(may(&["Remote Copy", "adaptive flash cache (102400G)"]));
        assert!(may(&["Adaptive Flash Cache  trial, expires tomorrow"]));
        assert!(may(&["Golden License"]));
        assert!(may(&[]));
    }
}
