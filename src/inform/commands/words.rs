//! Vocabularies that are open: an array may say a word nobody has seen, and a listing must not be lost for it.

macro_rules! open_words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $type {
            $($(#[$vdoc])* $variant,)+
            /// Another word, as the array wrote it.
            Other(String),
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                match text {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                })
            }
        }
    };
}

pub(super) use open_words;
