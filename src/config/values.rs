//! From TOML values to typed ones.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use toml::de::DeValue;

use super::{keys::nearest, mistake::Problem};
use crate::model::CpgName;

type Read<T> = Result<T, Problem>;

const DURATION: &str = "a duration: write a number of seconds, or a number with its unit as in \"30s\", \"5m\", \"12h\" or \"30d\"";
const SIZE: &str = "a size: write a number of bytes, or a number with its unit as in \"64 KiB\", \"10 MiB\" or \"1 GiB\"";
/// Where iSCSI portals listen unless they say otherwise (IANA registers it for iscsi-target).
const ISCSI_PORT: u16 = 3260;

fn wrong_type(expected: &'static str, found: &DeValue<'_>) -> Problem {
    Problem::Type {
        expected,
        found: found.type_str(),
    }
}

fn wrong_form(text: &str, form: &'static str) -> Problem {
    Problem::Form {
        text: text.chars().take(80).collect(),
        form,
    }
}

/// A text that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    match value.as_str() {
        Some("") => Err(wrong_form("", "a text: it is empty")),
        Some(text) => Ok(text.to_owned()),
        None => Err(wrong_type("a text in quotes", value)),
    }
}

/// A text checked by `read`, which may be empty.
pub(super) fn checked<T, E: Into<Problem>>(
    read: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&DeValue<'_>) -> Read<T> {
    move |value| match value.as_str() {
        Some(text) => read(text).map_err(Into::into),
        None => Err(wrong_type("a text in quotes", value)),
    }
}

pub(super) fn boolean(value: &DeValue<'_>) -> Read<bool> {
    value
        .as_bool()
        .ok_or_else(|| wrong_type("true or false (without quotes)", value))
}

/// A whole number from `min` to `max`.
pub(super) fn number(min: u64, max: u64) -> impl Fn(&DeValue<'_>) -> Read<u64> {
    move |value| {
        let given = value
            .as_integer()
            .ok_or_else(|| wrong_type("a whole number", value))?;
        u64::from_str_radix(given.as_str(), given.radix())
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| Problem::OutOfRange {
                given: given.to_string(),
                min: min.to_string(),
                max: max.to_string(),
            })
    }
}

pub(super) fn port(value: &DeValue<'_>) -> Read<u16> {
    number(1, 65535)(value).map(|port| u16::try_from(port).unwrap_or(u16::MAX))
}

/// A number without unit, or a text with one of `units`.
fn with_unit(value: &DeValue<'_>, units: &[(&str, u64)], form: &'static str) -> Read<u64> {
    if let Some(number) = value.as_integer() {
        return u64::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| wrong_form(&number.to_string(), form));
    }
    let text = value
        .as_str()
        .ok_or_else(|| wrong_type("a number, or a text with a unit", value))?;
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    digits
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| wrong_form(text, form))
}

/// A duration from `min` to `max` seconds.
pub(super) fn duration(min: u64, max: u64) -> impl Fn(&DeValue<'_>) -> Read<Duration> {
    move |value| {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];
        let seconds = with_unit(value, &units, DURATION)?;
        if (min..=max).contains(&seconds) {
            return Ok(Duration::from_secs(seconds));
        }
        let [given, min, max] = [seconds, min, max].map(|seconds| format!("{seconds} s"));
        Err(Problem::OutOfRange { given, min, max })
    }
}

/// A size from `min` to `max` bytes.
pub(super) fn size(min: u64, max: u64) -> impl Fn(&DeValue<'_>) -> Read<u64> {
    move |value| {
        let units = [
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ];
        let bytes = with_unit(value, &units, SIZE)?;
        if (min..=max).contains(&bytes) {
            return Ok(bytes);
        }
        let [given, min, max] = [bytes, min, max].map(|bytes| format!("{bytes} bytes"));
        Err(Problem::OutOfRange { given, min, max })
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&DeValue<'_>) -> Read<T> {
    move |value| {
        let text = value
            .as_str()
            .ok_or_else(|| wrong_type("a text in quotes", value))?;
        let words = choices.iter().map(|(word, _)| *word);
        choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| Problem::NotAllowed {
                text: text.chars().take(80).collect(),
                nearest: nearest(text, words.clone()).map(str::to_owned),
                allowed: words.collect(),
            })
    }
}

pub(super) fn absolute_path(value: &DeValue<'_>) -> Read<PathBuf> {
    let text = text(value)?;
    if text.starts_with('/') && !text.contains('\0') {
        Ok(PathBuf::from(text))
    } else {
        Err(wrong_form(&text, "an absolute path: begin it with `/`"))
    }
}

/// An address or a host name, as given.
pub(super) fn host(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let ok = text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label));
    if ok {
        Ok(text)
    } else {
        Err(wrong_form(
            &text,
            "an IP address or host name (the port has a key of its own)",
        ))
    }
}

pub(super) fn ip_address(value: &DeValue<'_>) -> Read<IpAddr> {
    let text = text(value)?;
    text.parse().map_err(|_| wrong_form(&text, "an IP address"))
}

/// A user name: no blanks, nothing that is not printable.
pub(super) fn login(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    if text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(wrong_form(
            &text,
            "a user name: use printable characters without blanks",
        ))
    }
}

/// A list, or a single text as a list of one. Nothing twice.
fn list<T: PartialEq>(value: &DeValue<'_>, read: impl Fn(&str) -> Read<T>) -> Read<Vec<T>> {
    let texts: Vec<&str> = match (value.as_str(), value.as_array()) {
        (Some(one), _) => vec![one],
        (_, Some(many)) => many
            .iter()
            .map(|one| {
                one.get_ref()
                    .as_str()
                    .ok_or_else(|| wrong_type("a list of texts", one.get_ref()))
            })
            .collect::<Read<_>>()?,
        _ => return Err(wrong_type("a list of texts", value)),
    };
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        let one = read(text)?;
        if all.contains(&one) {
            return Err(Problem::Twice {
                text: text.to_owned(),
            });
        }
        all.push(one);
    }
    Ok(all)
}

/// At least one CPG.
pub(super) fn cpgs(value: &DeValue<'_>) -> Read<Vec<CpgName>> {
    let all = list(value, |text| Ok(CpgName::new(text)?))?;
    if all.is_empty() {
        Err(Problem::Empty {
            what: "name at least one CPG, the default first",
        })
    } else {
        Ok(all)
    }
}

/// iSCSI portals, `address` or `address:port`.
pub(super) fn portals(value: &DeValue<'_>) -> Read<Vec<SocketAddr>> {
    list(value, |text| {
        let alone = text
            .parse::<IpAddr>()
            .map(|ip| SocketAddr::new(ip, ISCSI_PORT));
        alone
            .or_else(|_| text.parse::<SocketAddr>())
            .map_err(|_| wrong_form(text, "an IP address with or without `:port`"))
    })
}

/// `{ here = "there", … }`.
pub(super) fn cpg_map(value: &DeValue<'_>) -> Read<BTreeMap<CpgName, CpgName>> {
    const EXPECTED: &str = "a table `{ <CPG here> = \"<CPG on the target array>\" }`";
    let table = value
        .as_table()
        .ok_or_else(|| wrong_type(EXPECTED, value))?;
    table
        .iter()
        .map(|(here, there)| {
            let there = there
                .get_ref()
                .as_str()
                .ok_or_else(|| wrong_type(EXPECTED, there.get_ref()))?;
            Ok((CpgName::new(here.get_ref())?, CpgName::new(there)?))
        })
        .collect()
}

/// A key as TOML, in quotes where it needs them.
pub(super) fn shown_key(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if !key.is_empty() && key.bytes().all(bare) {
        key.to_owned()
    } else {
        toml::Value::from(key).to_string()
    }
}

/// A value as TOML on one line.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => toml::Value::from(text.as_ref()).to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(pairs) => {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(key, value)| {
                    format!("{} = {}", shown_key(key.get_ref()), shown(value.get_ref()))
                })
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
