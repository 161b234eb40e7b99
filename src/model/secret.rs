//! Secrets: a type that cannot be printed.

use std::fmt;

use zeroize::Zeroizing;

/// A password or passphrase. Debug and Display show `***`; there is no way to serialise it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; it is wiped from memory when the last copy goes.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn no_way_of_printing_shows_it() {
        let secret = Secret::new("open sesame".to_owned());
        assert_eq!(
            format!("{secret} {secret:?} {:#?}", Some(&secret))
                .matches("sesame")
                .count(),
            0
        );
        assert_eq!(secret.reveal(), "open sesame");
    }
}
