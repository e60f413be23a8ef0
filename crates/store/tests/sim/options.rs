//! What a seed decides: which faults happen, and how hard.

use super::clock::Rng;

/// A rule of the page that a null control breaks; the oracle must notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Control {
    /// All rules hold.
    #[default]
    None,
    /// The hub answers before its sync.
    AckBeforeSync,
    /// Nodes send what they have not synced.
    ReadBeyondDurable,
    /// A start takes no new incarnation: dots are used again.
    DotsUsedAgain,
    /// Nodes never hear that a write was refused, so they take nothing back.
    NothingTakenBack,
}

/// See the module. Every fault is on in about half of the seeds, so that a failing seed has few.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) control: Control,
    /// Lines are cut, on one side or both.
    pub(crate) cut: bool,
    /// Replicas lose what they have not synced.
    pub(crate) crash: bool,
    /// Nodes return to an earlier durable image.
    pub(crate) restore_node: bool,
    /// The hub returns to an earlier durable image.
    pub(crate) restore_hub: bool,
    /// Nodes write what they may not.
    pub(crate) refused: bool,
    /// Batches on their way to the hub name dots and positions that do not exist.
    pub(crate) forge: bool,
    /// Batches on their way to the hub carry other content under a known dot.
    pub(crate) damage: bool,
    /// Frames are lost, doubled and reordered.
    pub(crate) frames: bool,
    /// Old batches are applied again.
    pub(crate) replay: bool,
    /// Old forms are saved.
    pub(crate) stale_forms: bool,
    /// Disks fill up.
    pub(crate) full: bool,
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
}

impl Options {
    pub(crate) fn of(seed: u64, rng: &mut Rng, control: Control) -> Self {
        let calm = seed % 16 == 1;
        // A mask from outside takes faults away when a failing seed is looked at.
        let mask = std::env::var("LIANGXIN_FAULTS").ok();
        let allowed = |name: &str| {
            let mask = mask.as_deref();
            mask.is_none_or(|mask| mask.split(',').any(|other| other == name))
        };
        let mut half = |name: &str| rng.chance(50) && !calm && allowed(name);
        let mut options = Self {
            control,
            cut: half("cut"),
            crash: half("crash"),
            restore_node: half("restore_node"),
            restore_hub: half("restore_hub"),
            refused: half("refused"),
            forge: half("forge"),
            damage: half("damage"),
            frames: half("frames"),
            replay: half("replay"),
            stale_forms: half("stale_forms"),
            full: half("full"),
            delay_ms_max: 0,
            sync_ms_max: 0,
            acts: 0,
            pause_ms_max: 0,
            records: 0,
        };
        options.delay_ms_max = [2, 20, 200, 2_000][rng.below(4)];
        options.sync_ms_max = [1, 10, 100][rng.below(3)];
        options.acts = rng.between(20, 110);
        options.pause_ms_max = [30, 200, 900][rng.below(3)];
        options.records = u8::try_from(rng.between(1, 4)).unwrap_or(1);
        options.bend();
        options
    }

    /// Whether nothing happens but that people write and lines are slow.
    pub(crate) fn is_calm(&self) -> bool {
        let faults = [
            self.cut,
            self.crash,
            self.restore_node,
            self.restore_hub,
            self.refused,
            self.forge,
            self.damage,
            self.frames,
            self.replay,
            self.full,
        ];
        self.control == Control::None && !faults.contains(&true)
    }

    /// A null control needs the fault that brings it to light, and no other excuse.
    fn bend(&mut self) {
        match self.control {
            Control::None => {}
            Control::AckBeforeSync | Control::ReadBeyondDurable | Control::DotsUsedAgain => {
                self.crash = true;
                self.restore_hub = false;
                self.restore_node = false;
            }
            Control::NothingTakenBack => self.refused = true,
        }
    }
}
