//! The files of templates/inform, compiled in. A test holds this list against the folder.

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../templates/inform/", $name)))),+]
    };
}

/// What any command may answer.
pub(super) const REFUSALS: (&str, &str) = (
    "refusals.toml",
    include_str!("../../../templates/inform/refusals.toml"),
);

/// Name and text of each template.
pub(super) const TEMPLATES: &[(&str, &str)] = templates![
    "admitrcopyvv.toml",
    "createhost-add.toml",
    "createhost.toml",
    "creatercopygroup.4.toml",
    "creatercopygroup.toml",
    "createvlun.toml",
    "createvv.4.toml",
    "createvv.toml",
    "createvvset-add.toml",
    "createvvset.toml",
    "dismissrcopyvv.toml",
    "removehost.toml",
    "removercopygroup.toml",
    "removevlun.toml",
    "removevv.toml",
    "removevvset.toml",
    "sethost-initchap.toml",
    "setrcopygroup-period.toml",
    "setrcopygroup-pol.toml",
    "setvv-comment.toml",
    "showcpg.toml",
    "showdate.toml",
    "showhost-chap.toml",
    "showhost-desc.toml",
    "showhost-domain.toml",
    "showhost.toml",
    "showlicense.toml",
    "showport-iscsi.toml",
    "showport-iscsiname.toml",
    "showport.toml",
    "showrcopy-groups.toml",
    "showrcopy-links.toml",
    "showrcopy-targets.toml",
    "showrcopy-witness.toml",
    "showsys.toml",
    "showuser.toml",
    "showuserconn.toml",
    "showversion.toml",
    "showvlun-a.toml",
    "showvlun-t.toml",
    "showvv.4.toml",
    "showvv.toml",
    "showvvset.toml",
    "startrcopygroup.toml",
    "stoprcopygroup.toml",
];
