//! Files that hold a password are read only if nobody else can.

use std::os::unix::fs::{chown, symlink};

use super::{
    needs::{Need, met},
    *,
};

/// What is said about the password file `pw` after `change` was made to it.
fn said(change: impl Fn(&Site)) -> String {
    let site = Site::new(&plain(""));
    change(&site);
    match Config::load(&site.conf()) {
        Ok(_) => String::new(),
        Err(mistakes) => {
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            let told = mistakes[0]
                .to_string()
                .replace(site.dir.path().to_str().unwrap(), "@");
            let place = "line 4: [prod] `san_password_file`: ";
            told.strip_prefix(place)
                .unwrap_or_else(|| panic!("{told}"))
                .to_owned()
        }
    }
}

#[test]
fn mode_and_kind() {
    assert_eq!(said(|_| ()), "");
    assert_eq!(said(|site| site.write("pw", "x", 0o400)), "");
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
        let expected = format!("`@/pw` is open to others (mode {mode:04o}); hint: `chmod 0600` it");
        assert_eq!(said(|site| site.write("pw", "x", mode)), expected);
    }
    let gone = said(|site| fs::remove_file(site.path("pw")).unwrap());
    assert!(
        gone.starts_with("cannot read `@/pw`: No such file"),
        "{gone}"
    );
    let again = |site: &Site| fs::remove_file(site.path("pw")).unwrap();
    let directory = said(|site| {
        again(site);
        fs::create_dir(site.path("pw")).unwrap();
    });
    assert_eq!(directory, "`@/pw` is no regular file");
    let fifo = said(|site| {
        again(site);
        nix::unistd::mkfifo(&site.path("pw"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    });
    assert_eq!(fifo, "`@/pw` is no regular file");
    let link = said(|site| {
        site.write("other", "x", 0o644);
        again(site);
        symlink(site.path("other"), site.path("pw")).unwrap();
    });
    assert!(link.contains("open to others"), "{link}");
}

#[test]
fn owner() {
    if !met("secret_files::owner", &[Need::Root]) {
        return;
    }
    let told = said(|site| chown(site.path("pw"), Some(12345), None).unwrap());
    assert_eq!(
        told,
        "`@/pw` belongs to user id 12345; hint: chown it to root"
    );
}

#[test]
fn one_line() {
    for text in ["x", "x\n", "x\r\n", " two words \n", "pä\n"] {
        assert_eq!(said(|site| site.write("pw", text, 0o600)), "", "{text:?}");
    }
    let long = "x".repeat(5000);
    for text in ["", "\n", "\r\n", "a\nb\n", "a\n\n", "a\rb", "a\0b", &long] {
        let told = said(|site| site.write("pw", text, 0o600));
        assert_eq!(
            told, "`@/pw` does not hold exactly one line of text",
            "{text:?}"
        );
    }
    let told = said(|site| fs::write(site.path("pw"), b"\xff\xfe").unwrap());
    assert_eq!(told, "`@/pw` does not hold exactly one line of text");
}

#[test]
fn a_private_key_is_guarded_alike() {
    let text = plain("san_private_key_passphrase_file = \"@/pw\"").replace(
        "san_password_file = \"@/pw\"",
        "san_private_key = \"@/key\"",
    );
    let site = Site::new(&text);
    site.write("key", "key", 0o600);
    let (config, _) = loaded(&site.conf());
    let access = &config.backends.first_key_value().unwrap().1.access;
    assert_eq!(access.secrets()[0].reveal(), "open sesame");
    site.write("key", "key", 0o644);
    let told = Config::load(&site.conf())
        .unwrap_err()
        .remove(0)
        .to_string();
    assert!(
        told.contains("`san_private_key`: ") && told.contains("open to others (mode 0644)"),
        "{told}"
    );
}
