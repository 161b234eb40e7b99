//! The table in docs/replication.md: every pair of halves there can be, gathered by what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::{operating::*, *};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/replication.md");
const END: &str = "<!-- End of what is made. -->\n";

/// A table, for groups of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    ActivePassive,
    /// While hosts have every volume on both arrays.
    PeerPersistence,
}

const TABLES: [Table; 2] = [Table::ActivePassive, Table::PeerPersistence];

impl Table {
    fn begin(self) -> &'static str {
        match self {
            Self::ActivePassive => {
                "<!-- Made from src/replication. After a change there: UPDATE_DOCS=1 cargo test --lib replication::tests::classes -->\n"
            }
            Self::PeerPersistence => {
                "<!-- Made from src/replication too, for Peer Persistence. -->\n"
            }
        }
    }

    fn kind(self, made_on: Side) -> Kind {
        let policy = match self {
            Self::ActivePassive => None,
            Self::PeerPersistence => Some("auto_failover,path_management"),
        };
        Kind {
            policy,
            made_on,
            ..KIND
        }
    }

    fn operations(self) -> &'static [Operation] {
        match self {
            Self::ActivePassive => &Operation::ALL[..3],
            Self::PeerPersistence => &Operation::ALL,
        }
    }

    fn exposure(self) -> Exposure {
        match self {
            Self::ActivePassive => unused(),
            Self::PeerPersistence => Exposure {
                source: in_use(),
                peer: in_use(),
                ..unused()
            },
        }
    }

    fn head(self) -> String {
        let mut heads = vec!["what it means", "what both arrays show", "serves"];
        if self == Self::ActivePassive {
            heads.extend(["mount", "create, remove"]);
        }
        let mut head = format!("| {}", heads.join(" | "));
        for operation in self.operations() {
            head += &format!(" | {operation}");
        }
        let columns = heads.len() + self.operations().len();
        format!("{head} |\n|{}\n", "---|".repeat(columns))
    }
}

/// Everything that one array can show, in a few words: what it is, and which of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Half(Role, GroupStatus),
    Silent(Option<Role>),
    NoGroup,
}

impl Shown {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for role in ROLES {
            all.extend(STATUSES.map(|status| Self::Half(role, status)));
        }
        all.extend([None].into_iter().chain(ROLES.map(Some)).map(Self::Silent));
        all.push(Self::NoGroup);
        all
    }

    fn half(self, kind: Kind, side: Side) -> Half {
        match self {
            Self::Half(role, status) => half(kind, side, role, status),
            Self::Silent(last_seen) => unreadable(last_seen),
            Self::NoGroup => Half::Absent,
        }
    }

    /// What it is, and which of how many.
    fn words(self) -> (String, String, usize) {
        match self {
            Self::Half(role, status) => (role.to_string(), status.to_string(), STATUSES.len()),
            Self::Silent(last) => (
                "cannot be asked".to_owned(),
                last.map_or_else(
                    || "never seen".to_owned(),
                    |role| format!("last seen {role}"),
                ),
                1 + ROLES.len(),
            ),
            Self::NoGroup => ("no such group".to_owned(), String::new(), 1),
        }
    }

    /// Whoever counts comes first.
    fn rank(self) -> (u8, Self) {
        let rank = match self {
            Self::Half(Role::PrimaryRev, _) => 0,
            Self::Half(Role::Primary, _) => 1,
            Self::Half(Role::Secondary, _) => 2,
            Self::Half(Role::SecondaryRev, _) => 3,
            Self::Silent(_) => 4,
            Self::NoGroup => 5,
        };
        (rank, self)
    }
}

/// A row without what both arrays show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    made: &'static str,
    cells: Vec<String>,
}

fn both(first: Shown, other: Shown, kind: Kind, links: bool) -> GroupSides {
    pair(
        first.half(kind, Side::Source),
        other.half(kind, Side::Peer),
        Side::BOTH.map(|side| way(side, links)),
    )
}

/// One word where the links do not matter.
fn depends(with: String, without: String, up: &str, down: &str) -> String {
    if with == without {
        with
    } else if with == "yes" {
        up.to_owned()
    } else if without == "yes" {
        down.to_owned()
    } else {
        format!("links up: {with}, links down: {without}")
    }
}

fn verdict(both: &GroupSides, operation: Operation, exposure: &Exposure) -> String {
    let plan = both.plan(operation, exposure);
    if plan.may_be_typed() {
        return "yes".to_owned();
    }
    match plan
        .objections
        .iter()
        .find(|one| !one.may_pass())
        .or(plan.objections.first())
    {
        Some(objection) => format!("no: {}", objection.short()),
        None => "is so".to_owned(),
    }
}

/// Whether a volume is admitted.
fn admits(both: &GroupSides) -> &'static str {
    let Ok(side) = both.changeable() else {
        return "no";
    };
    let wants = wants(Mode::Sync, false);
    let newcomer = |found: Option<&RcGroup>| {
        let target = found.map_or(&wants.target, |group| &group.target);
        let newcomer = Newcomer {
            vv: vv(OURS),
            group: prod(),
            target: target.clone(),
            cpg: cpgs(),
            snap_cpg: None,
            domain: None,
        };
        plan_admission(ARRAY, found, &newcomer, &wants).is_ok()
    };
    let found = both.on(side).half.seen();
    let empty = found.map(|group| RcGroup {
        volumes: Vec::new(),
        ..group.clone()
    });
    match (newcomer(found), newcomer(empty.as_ref())) {
        (true, true) => "yes",
        (false, true) => "while it is empty",
        (_, false) => "no",
    }
}

fn cells(table: Table, first: Shown, other: Shown, made_on: Side) -> Vec<String> {
    let kind = table.kind(made_on);
    let of = |what: &dyn Fn(&GroupSides) -> String| {
        let links = [true, false].map(|links| what(&both(first, other, kind, links)));
        let [with, without] = links;
        depends(with, without, "links up", "links down")
    };
    let mount = |wish: LonePrimary| {
        of(&|both| match both.serving(wish) {
            Ok(_) => "yes".to_owned(),
            Err(_) => "no".to_owned(),
        })
    };
    let serves = of(&|both| match both.serving(LonePrimary::Mount) {
        Ok(found) => format!("the {}", both.role(found.side).unwrap()),
        Err(_) => "none".to_owned(),
    });
    let mut cells = vec![serves];
    if table == Table::ActivePassive {
        let (mounts, refuses) = (mount(LonePrimary::Mount), mount(LonePrimary::Refuse));
        cells.push(if mounts == refuses {
            mounts
        } else {
            format!("{mounts}; `refuse`: {refuses}")
        });
        cells.push(of(&|both| admits(both).to_owned()));
    }
    let exposure = table.exposure();
    for operation in table.operations() {
        cells.push(of(&|both| verdict(both, *operation, &exposure)));
    }
    cells
}

/// The pairs of each row, with what they mean.
type Row = BTreeSet<(Situation, [Shown; 2])>;

fn classes(table: Table) -> BTreeMap<Class, Row> {
    let mut classes: BTreeMap<Class, Row> = BTreeMap::new();
    for first in Shown::all() {
        for other in Shown::all() {
            if first.rank() > other.rank() {
                continue;
            }
            let situation = both(first, other, table.kind(Side::Source), true)
                .situation()
                .0;
            let [home, away] = Side::BOTH.map(|made_on| cells(table, first, other, made_on));
            let made: &[_] = if home == away {
                &[("", home)]
            } else {
                &[
                    ("(made by the first of them)", home),
                    ("(made by the other one)", away),
                ]
            };
            for (made, cells) in made {
                let class = Class {
                    made,
                    cells: cells.clone(),
                };
                classes
                    .entry(class)
                    .or_default()
                    .insert((situation, [first, other]));
            }
        }
    }
    classes
}

/// `any`, if it is all of them.
fn told(what: &str, which: &BTreeSet<String>, of: usize) -> String {
    if of == 1 {
        return what.to_owned();
    }
    let which = if which.len() == of {
        if what == "cannot be asked" {
            return what.to_owned();
        }
        "any".to_owned()
    } else {
        which.iter().cloned().collect::<Vec<_>>().join(", ")
    };
    format!("{what} ({which})")
}

/// What both show, exactly: products of what the one and what the other may be.
fn shown(row: &Row) -> String {
    type Which = BTreeSet<String>;
    let mut kinds: BTreeMap<(String, String), BTreeMap<String, Which>> = BTreeMap::new();
    let mut of = BTreeMap::new();
    for (_, [first, other]) in row {
        let [(what, which, all), (what_other, which_other, all_other)] =
            [first.words(), other.words()];
        of.insert(what.clone(), all);
        of.insert(what_other.clone(), all_other);
        let both_ways = what == what_other;
        let kind = kinds.entry((what, what_other)).or_default();
        if both_ways {
            kind.entry(which_other.clone())
                .or_default()
                .insert(which.clone());
        }
        kind.entry(which).or_default().insert(which_other);
    }
    let mut lines = Vec::new();
    for ((what, what_other), rows) in kinds {
        let mut products: BTreeMap<Which, Which> = BTreeMap::new();
        for (which, others) in rows {
            products.entry(others).or_default().insert(which);
        }
        for (others, which) in products {
            let first = told(&what, &which, of[&what]);
            let other = told(&what_other, &others, of[&what_other]);
            lines.push(format!("{first} and {other}"));
        }
    }
    lines.join("<br>")
}

fn drawn(table: Table) -> String {
    let mut text = table.head();
    let mut rows: Vec<(Class, Row)> = classes(table).into_iter().collect();
    rows.sort_by(|one, other| {
        one.1
            .first()
            .cmp(&other.1.first())
            .then(one.0.cmp(&other.0))
    });
    for (class, row) in rows {
        let means: BTreeSet<Situation> = row.iter().map(|(situation, _)| *situation).collect();
        let means: Vec<&str> = means.into_iter().map(Situation::told).collect();
        let mut means = means.join("<br>");
        if !class.made.is_empty() {
            means += &format!(" {}", class.made);
        }
        text += &format!(
            "| {means} | {} | {} |\n",
            shown(&row),
            class.cells.join(" | ")
        );
    }
    text
}

#[test]
fn the_tables_of_situations_are_current() {
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    let mut current = page;
    for table in TABLES {
        let begin = table.begin();
        let (head, rest) = current
            .split_once(begin)
            .expect("docs/replication.md has where each table begins");
        let (_, tail) = rest
            .split_once(END)
            .expect("docs/replication.md has where each table ends");
        current = format!("{head}{begin}{}{END}{tail}", drawn(table));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &current).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    assert!(
        page == current,
        "docs/replication.md is old: UPDATE_DOCS=1 cargo test --lib replication::tests::classes"
    );
}

/// Nobody reads a table that is longer, and every pair is in it.
#[test]
fn the_tables_are_whole_and_can_be_read() {
    for table in TABLES {
        let classes = classes(table);
        assert!(classes.len() <= 40, "{table:?}: {}", classes.len());
        let pairs: BTreeSet<[Shown; 2]> =
            classes.values().flatten().map(|(_, pair)| *pair).collect();
        assert_eq!(pairs.len(), 30 * 31 / 2);
    }
}
