//! Making and removing VVs: ids, WWNs, space, families.

use crate::state::{Array, Release, Vv};

/// VV ids have 16 bits in a WWN; when they wrap, the wrap counter beside them goes up, so that no WWN comes twice.
const IDS: u32 = 1 << 16;

/// Space a thin VV takes before anything is written, MiB.
const THIN_MIB: u64 = 512;

impl Vv {
    /// A base VV without anything special; the id and the WWN are given by [`Array::add_vv`].
    pub fn base(name: &str, prov: &str, cpg: &str, size_mib: u64, now: i64) -> Self {
        Self {
            id: 0,
            name: name.to_owned(),
            prov: prov.to_owned(),
            kind: "base".to_owned(),
            copy_of: None,
            compressed: false,
            cpg: cpg.to_owned(),
            snp_cpg: None,
            size_mib,
            wwn: String::new(),
            created: now,
            comment: String::new(),
            policies: vec!["stale_ss".to_owned()],
            domain: None,
            retained_until: None,
            expires_at: None,
            read_only: false,
            copying: None,
            copy_failed: false,
        }
    }

    /// A read-only or read-write snapshot of `parent`.
    pub fn snapshot(name: &str, parent: &Self, read_only: bool, now: i64) -> Self {
        Self {
            prov: "snp".to_owned(),
            kind: "vcopy".to_owned(),
            copy_of: Some(parent.name.clone()),
            compressed: parent.compressed,
            snp_cpg: parent.snp_cpg.clone(),
            domain: parent.domain.clone(),
            read_only,
            ..Self::base(name, "snp", &parent.cpg, parent.size_mib, now)
        }
    }

    /// One of the array's own, which no command may touch.
    pub fn is_system(&self) -> bool {
        self.name == "admin" || self.name.starts_with('.')
    }

    /// Name of the VV that it is a snapshot of. A physical copy is on its own.
    pub fn parent(&self) -> Option<&String> {
        self.copy_of.as_ref().filter(|_| self.kind != "pcopy")
    }

    /// Space it takes from its CPG while nothing is written, MiB.
    pub fn reserved_mib(&self) -> u64 {
        match self.prov.as_str() {
            "full" | "cpvv" => self.size_mib,
            "snp" => 0,
            _ => THIN_MIB.min(self.size_mib),
        }
    }
}

impl Array {
    /// The next id of its kind: `host`, `vvset`, `hostset`, `group`, `task`. Tasks start again after 29999.
    pub fn next_id(&mut self, kind: &str) -> u32 {
        let counter = self.counters.entry(kind.to_owned()).or_default();
        *counter += 1;
        if kind == "task" && *counter > 29_999 {
            *counter = 1;
        }
        *counter
    }

    /// Takes in a VV with the next free id, and a WWN of its own unless it brings one. Its space is taken from the CPG.
    pub fn add_vv(&mut self, vv: Vv) -> u32 {
        let mut sequence = self.counters.get("vv").copied().unwrap_or_default();
        while self
            .vvs
            .values()
            .any(|other| other.id == (sequence + 1) % IDS)
        {
            sequence += 1;
        }
        self.put_vv(vv, sequence + 1)
    }

    /// Like [`Array::add_vv`] with the id that was asked for.
    pub fn add_vv_with_id(&mut self, vv: Vv, id: u32) -> u32 {
        let sequence = self.counters.get("vv").copied().unwrap_or_default();
        let wraps = sequence / IDS + u32::from(id <= sequence % IDS);
        self.put_vv(vv, wraps * IDS + id)
    }

    fn put_vv(&mut self, mut vv: Vv, sequence: u32) -> u32 {
        self.counters.insert("vv".to_owned(), sequence);
        vv.id = sequence % IDS;
        if vv.wwn.is_empty() {
            vv.wwn = wwn(sequence, self.id);
        }
        if let Some(cpg) = self.cpgs.iter_mut().find(|cpg| cpg.name == vv.cpg) {
            cpg.free_mib = cpg.free_mib.saturating_sub(vv.reserved_mib());
        }
        let id = vv.id;
        self.vvs.insert(vv.name.clone(), vv);
        id
    }

    /// A WWN that no VV of this array has or had.
    pub fn fresh_wwn(&mut self) -> String {
        let sequence = self.counters.get("vv").copied().unwrap_or_default() + 1;
        self.counters.insert("vv".to_owned(), sequence);
        wwn(sequence, self.id)
    }

    /// Removes a VV and gives its space back. Sets, exports and groups are the caller's business.
    pub fn remove_vv(&mut self, name: &str) {
        if let Some(vv) = self.vvs.remove(name)
            && let Some(cpg) = self.cpgs.iter_mut().find(|cpg| cpg.name == vv.cpg)
        {
            cpg.free_mib += vv.reserved_mib();
        }
    }

    /// The VVs every array is born with.
    pub fn add_system_vvs(&mut self, now: i64) {
        for (name, size_mib) in [("admin", 10_240), (".srdata", 81_920)] {
            if !self.vvs.contains_key(name) {
                let vv = Vv {
                    policies: vec!["system".to_owned()],
                    ..Vv::base(name, "full", "", size_mib, now)
                };
                self.add_vv(vv);
            }
        }
    }

    /// Name of the base VV of a family.
    pub fn base_of<'a>(&'a self, vv: &'a Vv) -> &'a Vv {
        let mut at = vv;
        while let Some(parent) = at.parent().and_then(|name| self.vvs.get(name)) {
            at = parent;
        }
        at
    }

    /// Snapshots made of this VV directly.
    pub fn children(&self, name: &str) -> Vec<&Vv> {
        self.vvs
            .values()
            .filter(|vv| vv.parent().is_some_and(|parent| parent == name))
            .collect()
    }

    /// All snapshots below this VV, the deepest first.
    pub fn descendants(&self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        for child in self.children(name) {
            all.extend(self.descendants(&child.name));
            all.push(child.name.clone());
        }
        all
    }

    /// VV sets that hold this VV.
    pub fn sets_of_vv(&self, name: &str) -> Vec<String> {
        self.vv_sets
            .iter()
            .filter(|(_, set)| set.members.iter().any(|member| member == name))
            .map(|(set, _)| set.clone())
            .collect()
    }

    /// VVs that a word names: a pattern, or `set:<VV set>`.
    pub fn vvs_named(&self, word: &str) -> Vec<String> {
        if let Some(set) = crate::names::set_name(word) {
            return self
                .vv_sets
                .iter()
                .filter(|(name, _)| crate::patterns::matches(set, name))
                .flat_map(|(_, set)| set.members.clone())
                .collect();
        }
        self.vvs
            .keys()
            .filter(|name| crate::patterns::matches(word, name))
            .cloned()
            .collect()
    }

    /// Longest name of a VV.
    pub fn longest_vv_name(&self) -> usize {
        if self.release == Release::V1050 {
            255
        } else {
            31
        }
    }

    /// A new task that is over already, or ends at `finished`.
    pub fn add_task(
        &mut self,
        kind: &str,
        name: &str,
        user: &str,
        started: i64,
        finished: Option<i64>,
    ) -> u32 {
        let id = self.next_id("task");
        self.tasks.push(crate::state::Task {
            id,
            kind: kind.to_owned(),
            name: name.to_owned(),
            status: "active".to_owned(),
            started,
            finished,
            user: user.to_owned(),
            details: vec![(started, "Created".to_owned(), "task.".to_owned())],
        });
        id
    }
}

/// `60002AC`, the wrap counter, the id, the system id: 32 digits.
fn wwn(sequence: u32, system: u32) -> String {
    format!(
        "60002AC0{:012X}{:04X}{system:08X}",
        sequence / IDS,
        sequence % IDS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wwns_hold_wrap_counter_id_and_system() {
        assert_eq!(wwn(1603, 0x15038), "60002AC0000000000000064300015038");
        assert_eq!(
            wwn(IDS * 256 + 0xC962, 0x19D52),
            "60002AC000000000_0100C962_00019D52".replace('_', "")
        );
    }
}
