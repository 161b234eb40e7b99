//! Several plugins, without a kernel beneath them, at one simulated array without SSH, on a clock that stands still unless all wait.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hpe3par_sim::{Control, Description, Simulator};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::{sync::Notify, time::sleep};

use crate::{
    host::{Kernel, Simulated, Transport},
    index::{Index, OpKind},
    inform::in_memory::{self, Book, Dies, Passage, Passages},
    model::*,
    volume::{
        Backend, KillPoints, Parts, detach,
        error::Aftermath,
        exports,
        inner::Inner,
        mount, recover, serving,
        steps::{Intent, Steps},
    },
};

use super::super::{claim, still_ours};

pub const ARRAY: &str = "amber";
const PORT: &str = "0:2:1";
const USER: &str = "dockervol";

const DESCRIPTION: &str = r#"
factor = 1.0
[[array]]
name = "amber"
id = 130512
serial = "CZ3940AMB1"
latency_ms = 0
[[array.user]]
name = "dockervol"
password = "none"
role = "edit"
[[array.cpg]]
name = "ssd_r5"
free_gib = 4000
[[array.port]]
position = "0:2:1"
protocol = "iscsi"
ip = "10.40.1.11"
"#;

/// Numbers that all of a race share.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    pub fn below(&self, end: u64) -> u64 {
        self.0.lock().unwrap().random_range(0..end.max(1))
    }

    pub fn request(&self) -> RequestId {
        RequestId::from(format!("{:08x}", self.below(1 << 32)).as_str())
    }

    async fn waits(&self, below_ms: u64) {
        sleep(Duration::from_millis(self.below(below_ms))).await;
    }
}

/// Who has the volume mounted, as each of them believes.
#[derive(Default)]
pub struct Holders(Mutex<BTreeMap<String, bool>>);

/// The array and the volume `db1`.
pub struct Arena {
    _simulator: Simulator,
    pub control: Control,
    dir: TempDir,
    /// The array takes every export, as one that looks at the others before another command has had its effect.
    takes_all: Arc<AtomicBool>,
}

impl Arena {
    pub async fn new() -> Self {
        let description = Description::from_toml(DESCRIPTION).unwrap();
        let simulator = Simulator::start(description).await.unwrap();
        // Every step is written to the disk, and there are many.
        let memory = Path::new("/dev/shm");
        let dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let arena = Self {
            control: simulator.control(),
            _simulator: simulator,
            dir: dir.unwrap(),
            takes_all: Arc::default(),
        };
        let comment = comment(0).encode().unwrap();
        arena
            .types(&format!(
                "createvv -tpvv -comment {comment} ssd_r5 dkv-db1 1g"
            ))
            .await;
        arena
    }

    /// What an administrator types.
    pub async fn types(&self, line: &str) -> String {
        let answer = self.control.type_in(ARRAY, USER, line).await.unwrap();
        answer.stdout + &answer.stderr
    }

    /// The volume as if nobody ever had it, with this `mountConflictDelay`. Where the array does not refuse an export beside another
    /// one (`one_host`), it takes it without asking. No host objects.
    pub async fn set(&self, delay: u32, one_host: bool) {
        self.takes_all.store(!one_host, Ordering::Relaxed);
        self.control.clear_log();
        let dump = self.control.dump();
        assert_eq!(dump[ARRAY]["vluns"].to_string(), "[]");
        for host in dump[ARRAY]["hosts"].as_object().unwrap().keys() {
            self.types(&format!("removehost {host}")).await;
        }
        let comment = comment(delay).encode().unwrap();
        self.types(&format!("setvv -comment {comment} dkv-db1"))
            .await;
        let policy = if one_host { "one_host" } else { "no_one_host" };
        let said = self.types(&format!("setvv -pol {policy} dkv-db1")).await;
        assert_eq!(said, "");
    }

    /// The host objects that the volume is exported to.
    pub fn exported_to(&self) -> Vec<String> {
        let dump = self.control.dump();
        let vluns = dump[ARRAY]["vluns"].as_array().unwrap().iter();
        vluns
            .map(|vlun| vlun["host"].as_str().unwrap_or("?").to_owned())
            .collect()
    }

    /// True if the volume is exported to this host.
    fn has_export(&self, host: &Host) -> bool {
        let dump = self.control.dump();
        let paths = |object: &str| dump[ARRAY]["hosts"][object]["paths"].to_string();
        let exported_to = self.exported_to();
        let mut objects = exported_to.iter();
        objects.any(|object| paths(object).contains(&host.initiator()))
    }

    pub fn comment(&self) -> Comment {
        let dump = self.control.dump();
        Comment::parse(dump[ARRAY]["vvs"]["dkv-db1"]["comment"].as_str().unwrap()).unwrap()
    }

    pub fn host(&self, id: &str, name: &str, takeover: Takeover, dice: &Dice) -> Host {
        let dir = self
            .dir
            .path()
            .join(format!("{id}-{}", dice.below(1 << 32)));
        let mut host = Host {
            id: id.to_owned(),
            name: HostName::new(name).unwrap(),
            takeover,
            dir,
            control: self.control.clone(),
            dice: dice.clone(),
            fate: Arc::default(),
            died: Arc::default(),
            inner: None,
            takes_all: Arc::clone(&self.takes_all),
        };
        host.comes_up();
        host
    }
}

fn comment(delay: u32) -> Comment {
    let (name, backend) = (VolumeName::new("db1"), BackendName::new("DEFAULT"));
    let op = OperationId::parse("maker@000000.00000000").unwrap();
    let asked = CreateVolume::new(name.unwrap(), backend.unwrap());
    Comment {
        state: State::Ready,
        format: Format::Done,
        delay: Some(delay),
        ..Comment::asked(Namespace::default(), SystemId(130_512), op, &asked)
    }
}

/// How many commands a host still sends, and how it ends.
type Fate = Arc<Mutex<Option<(usize, Dies)>>>;

/// A machine with a plugin.
pub struct Host {
    pub id: String,
    name: HostName,
    takeover: Takeover,
    dir: std::path::PathBuf,
    control: Control,
    pub dice: Dice,
    fate: Fate,
    pub died: Arc<Notify>,
    inner: Option<Arc<Inner>>,
    takes_all: Arc<AtomicBool>,
}

impl Host {
    fn inner(&self) -> &Inner {
        self.inner.as_ref().unwrap()
    }

    pub fn machine(&self) -> Machine {
        Machine::new(&self.name, &self.id)
    }

    fn initiator(&self) -> String {
        format!("iqn.2026-01.test:{}", self.id)
    }

    /// From now on it sends so many commands and dies over the next one.
    pub fn dies_at(&self, command: usize, how: Dies) {
        *self.fate.lock().unwrap() = Some((command, how));
    }

    /// Switched on; the plugin starts.
    pub fn comes_up(&mut self) {
        *self.fate.lock().unwrap() = None;
        self.inner = Some(Arc::new(self.plugin()));
    }

    /// Switched off: the plugin and every path are gone.
    pub fn goes_down(&mut self) {
        self.logs_out();
        self.inner = None;
    }

    fn plugin(&self) -> Inner {
        let (fate, died, dice) = (self.fate.clone(), self.died.clone(), self.dice.clone());
        let (id, traced) = (self.id.clone(), std::env::var_os("RACE_TRACE").is_some());
        let begun = tokio::time::Instant::now();
        let takes_all = Arc::clone(&self.takes_all);
        let passages: Passages = Arc::new(move |line| {
            let mut fate = fate.lock().unwrap();
            let dies = match &mut *fate {
                Some((0, how)) => {
                    died.notify_one();
                    Some(*how)
                }
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
            // Most are quick, and some look long before they act.
            let way = |slow: u64| {
                let below = if dice.below(8) == 0 { slow } else { 40 };
                Duration::from_millis(dice.below(below))
            };
            let passage = Passage {
                before: way(400),
                after: way(3_000),
                dies,
                unasked: takes_all.load(Ordering::Relaxed),
            };
            if traced {
                let at = begun.elapsed();
                println!(
                    "{id}: {line}: at {:?}, answered {:?} {dies:?}",
                    at + passage.before,
                    at + passage.before + passage.after
                );
            }
            passage
        });
        let array = in_memory::array_over(&self.control, ARRAY, &Book::default(), passages);
        let simulated = Simulated::new(
            Kernel::default(),
            &self.dir.join("exports"),
            self.name.clone(),
            self.initiator().parse().unwrap(),
        );
        let cpg = CpgName::new("ssd_r5").unwrap();
        let backend = Backend::new(
            BackendName::new("plain").unwrap(),
            array,
            None,
            vec![cpg],
            Vec::new(),
            Transport::Simulated(simulated.unwrap()),
            self.name.clone(),
            self.id.clone(),
        );
        Inner::new(Parts {
            backends: vec![backend.with_takeover(self.takeover)],
            index: Index::open(&self.dir.join("state"), &self.dir.join("run")).unwrap(),
            machine: self.machine(),
            namespace: Namespace::default(),
            mount_prefix: self.dir.join("mounts"),
            scratch: self.dir.join("scratch"),
            kernel: Kernel::default(),
            points: KillPoints::default(),
        })
    }

    pub fn logs_in(&self) {
        let initiator = self.initiator();
        self.control.login(ARRAY, &initiator, &[PORT]).unwrap();
    }

    pub fn logs_out(&self) {
        // It may not be logged in.
        let _ = self.control.logout(ARRAY, &self.initiator());
    }

    /// Everything of a mount but the device: true if this host may write from now on. What a refused one did is undone.
    pub async fn mounts(&self) -> Result<(), String> {
        let inner = self.inner();
        let request = self.dice.request();
        let backend = inner
            .backends
            .values()
            .next()
            .unwrap()
            .for_request(&request);
        let name = VolumeName::new("db1").unwrap();
        let vv = name.vv_name(&inner.namespace);
        let from = serving::find(inner, &backend, &name, &vv).await.unwrap();
        let entry = inner.new_entry(&request, OpKind::Mount, &name, &backend);
        let mut steps = Steps::begin(&inner.index, &inner.points, entry)
            .await
            .unwrap();
        let won = async {
            let (found, comment) = mount::ready(inner, &from, &steps).await?;
            let claimed = claim(inner, &backend, &from, &mut steps, found, comment).await?;
            self.dice.waits(3_000).await;
            self.logs_in();
            still_ours(inner, &from, &steps, &claimed.template).await?;
            Ok(claimed)
        };
        let won: Result<_, crate::volume::Cause> = won.await;
        match won {
            Ok(_) => {
                steps.finish().unwrap();
                Ok(())
            }
            Err(cause) => {
                self.logs_out();
                let why = cause.to_string();
                match mount::undo(inner, &backend, steps).await {
                    Aftermath::Left { what, why } => panic!("{}: {what}: {why}", self.id),
                    Aftermath::Unchanged | Aftermath::Undone(_) => Err(why),
                }
            }
        }
    }

    /// Takes back what it has, if it has.
    pub async fn unmounts(&self) {
        self.logs_out();
        let inner = self.inner();
        let request = self.dice.request();
        let backend = inner
            .backends
            .values()
            .next()
            .unwrap()
            .for_request(&request);
        let name = VolumeName::new("db1").unwrap();
        let entry = inner.new_entry(&request, OpKind::Unmount, &name, &backend);
        let mut steps = Steps::begin(&inner.index, &inner.points, entry)
            .await
            .unwrap();
        let vv = steps.entry().vv.clone();
        let seen = exports::look(&steps, &backend, &backend.array, &vv)
            .await
            .unwrap();
        detach::withdraw_own(&mut steps, &backend.array, Intent::Withdraw, seen)
            .await
            .unwrap();
        steps.finish().unwrap();
    }

    /// What the plugin does at its start with what it left open.
    pub async fn cleans_up(&self) {
        let inner = self.inner();
        for entry in inner.index.open_entries() {
            recover::end(inner, &self.dice.request(), entry)
                .await
                .unwrap();
        }
    }

    pub fn open_entries(&self) -> usize {
        self.inner().index.open_entries().len()
    }
}

impl Holders {
    /// A host may write from now on. Nobody else may: another one must have been cut off by the array, which is only permitted where
    /// `takeover = always`.
    pub fn got(&self, arena: &Arena, host: &Host, always: bool) {
        let mut holders = self.0.lock().unwrap();
        if !arena.has_export(host) {
            // Taken from it before it knew that it had it.
            assert!(always, "{} has nothing", host.id);
            holders.insert(host.id.clone(), true);
            return;
        }
        // One that takes every export may have just taken that of a host that will see this one's.
        let exported_to = arena.exported_to();
        let alone = exported_to.len() == 1 || arena.takes_all.load(Ordering::Relaxed);
        assert!(alone, "{} has it beside others: {exported_to:?}", host.id);
        for (other, cut_off) in holders.iter_mut() {
            assert!(always || *cut_off, "{other} and {} have it", host.id);
            *cut_off = true;
        }
        holders.insert(host.id.clone(), false);
    }

    /// It writes no more. True if the array had cut it off before.
    pub fn lets_go(&self, host: &Host) -> bool {
        self.0.lock().unwrap().remove(&host.id).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}
