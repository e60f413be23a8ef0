//! What a seed decides: which faults happen, how hard, and how the run ends.
//!
//! Every option is drawn by its own name, so that a new one, or a mask, leaves the others alone.

use std::{fmt, sync::LazyLock};

use super::{clock::Rng, controls::Control};

/// What may go wrong. Each is on in about half of the seeds, so that a failing seed has few. The
/// numbers are those of the list of faults that a simulation can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Lines are cut, on one side or both (1).
    Cut,
    /// Frames are lost, doubled and reordered (1).
    Frames,
    /// Old batches are applied again (1).
    Replay,
    /// Lines hang in one direction; nodes are cut off one by one and come back in another order
    /// (3).
    Partition,
    /// Replicas lose what they have not synced, also after the sync and before the answer (2, 4).
    Crash,
    /// Disks are full for a while, also at the next start (8).
    Full,
    /// A stored value rots; whoever reads it is told so, and an older image is put back (9).
    Rot,
    /// Nodes return to an earlier durable image (10).
    RestoreNode,
    /// A node loses its disk and is enrolled anew under another name (11).
    Wipe,
    /// The hub returns to an earlier durable image (12).
    RestoreHub,
    /// Wall clocks jump by ten years and stand still (13).
    Clocks,
    /// One side of a line takes frames only after a long time (14).
    SlowReader,
    /// A disk takes long to sync (15).
    SlowDisk,
    /// Replicas have different schemas: kinds and registers that others do not know (16).
    Skew,
    /// Forms are saved long after they were opened (19).
    StaleForms,
    /// Imports of hundreds of records (22).
    Import,
    /// A node is away for most of the run, with a backlog at both sides (18, 22).
    Away,
    /// The memory of a running node is put back (10).
    Rollback,
    /// A copy of a node runs beside it (10).
    Clone,
    /// Organisations are transferred from scope to scope.
    Transfer,
    /// Nodes are fenced.
    Fence,
    /// Nodes write what they may not.
    Refused,
    /// Batches on their way to the hub name dots and positions that do not exist.
    Forge,
    /// Batches on their way to the hub carry other content under a known dot.
    Damage,
    /// Records are erased, while others write to them.
    Erase,
}

impl Fault {
    pub(crate) const ALL: [Self; 25] = [
        Self::Cut,
        Self::Frames,
        Self::Replay,
        Self::Partition,
        Self::Crash,
        Self::Full,
        Self::Rot,
        Self::RestoreNode,
        Self::Wipe,
        Self::RestoreHub,
        Self::Clocks,
        Self::SlowReader,
        Self::SlowDisk,
        Self::Skew,
        Self::StaleForms,
        Self::Import,
        Self::Away,
        Self::Rollback,
        Self::Clone,
        Self::Transfer,
        Self::Fence,
        Self::Refused,
        Self::Forge,
        Self::Damage,
        Self::Erase,
    ];

    fn bit(self) -> u32 {
        1 << self as u32
    }

    /// How often, in a hundred seeds, it may happen. Imports cost time.
    fn percent(self) -> u64 {
        match self {
            Self::Import | Self::Rot | Self::Wipe => 20,
            Self::Rollback | Self::Clone | Self::Fence => 15,
            Self::Skew | Self::Away | Self::Erase | Self::SlowReader | Self::SlowDisk => 30,
            _ => 45,
        }
    }

    /// Whether a run with nothing else is calm: the lines only slow, people only late.
    fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::StaleForms
                | Self::Clocks
                | Self::SlowDisk
                | Self::SlowReader
                | Self::Skew
                | Self::Import
        )
    }
}

/// Some faults.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Faults(u32);

impl Faults {
    pub(crate) fn of(faults: &[Fault]) -> Self {
        Self(faults.iter().fold(0, |bits, fault| bits | fault.bit()))
    }

    pub(crate) fn has(self, fault: Fault) -> bool {
        self.0 & fault.bit() != 0
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.0 |= fault.bit();
    }

    pub(crate) fn drop(&mut self, fault: Fault) {
        self.0 &= !fault.bit();
    }

    pub(crate) fn list(self) -> Vec<Fault> {
        let mut list = Fault::ALL.to_vec();
        list.retain(|fault| self.has(*fault));
        list
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Faults happen at random until the last act; then everybody must settle.
    Safety,
    /// At the last act the faults freeze and this node stays away: the others must settle without
    /// it, in bounded time; then it comes back.
    Liveness {
        /// Which.
        away: usize,
    },
}

/// How long and how dense a history is, where the seed does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Acts of people and faults.
    pub(crate) acts: u64,
    /// Longest time between two acts.
    pub(crate) pause_ms_max: u64,
    /// Longest way of a frame.
    pub(crate) delay_ms_max: u64,
    /// Records of each scope.
    pub(crate) records: u8,
}

impl Shape {
    /// Reads the four numbers of a long run.
    fn read(text: &str) -> Self {
        let number = |text: &str| text.trim().parse().expect("a number");
        let numbers: Vec<u64> = text.split(',').map(number).collect();
        let [acts, pause_ms_max, delay_ms_max, records] = numbers[..] else {
            panic!("acts, pause, delay, records");
        };
        Self {
            acts,
            pause_ms_max,
            delay_ms_max,
            records: u8::try_from(records).expect("a small number"),
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The protection that is off.
    pub(crate) control: Control,
    /// The protection that would be missed in this history: its faults happen.
    pub(crate) bait: Control,
    pub(crate) mode: Mode,
    pub(crate) faults: Faults,
    /// Longest way of a frame.
    pub(crate) delay_ms_max: u64,
    /// Longest sync.
    pub(crate) sync_ms_max: u64,
    /// Acts of people and faults.
    pub(crate) acts: u64,
    /// Longest time between two acts.
    pub(crate) pause_ms_max: u64,
    /// Records of each scope.
    pub(crate) records: u8,
    /// The hub refills only after a person has marked it as restored.
    pub(crate) marked: bool,
}

/// A mask from outside takes faults away when a failing seed is looked at.
static MASK: LazyLock<Option<String>> = LazyLock::new(|| {
    std::env::var("LIANGXIN_FAULTS")
        .ok()
        .map(|m| m.to_lowercase())
});

/// Exactly these faults, in a long run that asks for them.
static ONLY: LazyLock<Option<String>> = LazyLock::new(|| {
    std::env::var("LIANGXIN_ONLY")
        .ok()
        .map(|only| only.to_lowercase())
});

static SHAPE: LazyLock<Option<Shape>> = LazyLock::new(|| {
    let text = std::env::var("LIANGXIN_SHAPE").ok();
    text.map(|text| Shape::read(&text))
});

impl Options {
    /// The history of a seed with the faults for which a protection is there, and the protection.
    pub(crate) fn guarded(seed: u64, bait: Control) -> Self {
        Self {
            control: Control::None,
            ..Self::of(seed, bait)
        }
    }

    /// The history of a seed as `LIANGXIN_ONLY` and `LIANGXIN_SHAPE` would ask for it.
    pub(crate) fn asked(seed: u64, only: &str, shape: &str) -> Self {
        Self::drawn(seed, Control::None, Some(only), Some(Shape::read(shape)))
    }

    pub(crate) fn of(seed: u64, control: Control) -> Self {
        Self::drawn(seed, control, ONLY.as_deref(), *SHAPE)
    }

    fn drawn(seed: u64, control: Control, only: Option<&str>, shape: Option<Shape>) -> Self {
        let draw = |question: &str| Rng::about(seed, question);
        let calm = seed % 16 == 1;
        let allowed = |name: &str| {
            let mask = MASK.as_deref();
            mask.is_none_or(|mask| mask.split(',').any(|other| other == name))
        };
        let on = |fault: &Fault| {
            let name = format!("{fault:?}").to_lowercase();
            let may = !calm || fault.is_harmless();
            may && allowed(&name) && draw(&name).chance(fault.percent())
        };
        let faults: Vec<Fault> = Fault::ALL.into_iter().filter(on).collect();
        let mode = if draw("liveness").chance(30) {
            let away = 1 + draw("away").below(3);
            Mode::Liveness { away }
        } else {
            Mode::Safety
        };
        let mut options = Self {
            control,
            bait: control,
            mode,
            faults: Faults::of(&faults),
            delay_ms_max: draw("delay").one(&[2, 20, 200, 2_000]),
            sync_ms_max: draw("sync").one(&[1, 10, 100]),
            acts: draw("acts").between(20, 110),
            pause_ms_max: draw("pause").one(&[30, 200, 900]),
            records: u8::try_from(draw("records").between(1, 4)).unwrap_or(1),
            marked: draw("marked").chance(50),
        };
        if let Some(only) = only {
            let named = |fault: &Fault| {
                let name = format!("{fault:?}").to_lowercase();
                only.split(',').any(|other| other == name)
            };
            let only: Vec<Fault> = Fault::ALL.into_iter().filter(named).collect();
            options.faults = Faults::of(&only);
        }
        if let Some(shape) = shape {
            options.take_shape(shape);
        }
        options.keep_apart();
        options.bend();
        options
    }

    /// Accidents of which the program cannot heal both at once, and a person is needed.
    fn keep_apart(&mut self) {
        if self.has(Fault::Rollback) || self.has(Fault::Clone) {
            // A hub that was restored to before a fork cannot know of it: a name is used twice.
            self.faults.drop(Fault::RestoreHub);
        }
        if self.has(Fault::RestoreHub) && self.has(Fault::Transfer) {
            // What a node wrote that is no more, in a record that then went to another scope, has
            // nobody left who could tell the restored hub how far that node had come.
            self.faults.drop(Fault::Wipe);
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }

    /// Whether nothing happens but that people write and lines are slow.
    pub(crate) fn is_calm(&self) -> bool {
        let harmless = self.faults.list().into_iter().all(Fault::is_harmless);
        self.control == Control::None && self.mode == Mode::Safety && harmless
    }

    /// A null control needs the faults that bring it to light, and no other excuse.
    fn bend(&mut self) {
        if self.bait.is_alone() {
            self.faults = Faults::default();
        }
        if self.bait != Control::None {
            self.faults.drop(Fault::Erase);
        }
        for fault in self.bait.needs() {
            self.faults.add(*fault);
        }
        for fault in self.bait.excuses() {
            self.faults.drop(*fault);
        }
        if let Some(shape) = self.bait.shape() {
            self.take_shape(shape);
        }
    }

    fn take_shape(&mut self, shape: Shape) {
        self.acts = shape.acts;
        self.pause_ms_max = shape.pause_ms_max;
        self.delay_ms_max = shape.delay_ms_max;
        self.records = shape.records;
    }
}
