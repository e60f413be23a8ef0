//! I13: the certificate that nothing was lost. It is true where nothing was put back to an older
//! state, and false when a restore has taken a write that nobody has seen, and when a visible write
//! is erased everywhere, contexts kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use replica::{Bucket, Dot, RecordKey, RegisterId, account::Names};
use store::{Account, Claims, Extract, Grounds, Host, Memory};

use super::{
    controls::Control,
    disk::entries,
    medium::Image,
    world::{HUB, NAMES, NODES, World},
};

/// What one side says at a cut.
struct Said {
    grounds: Grounds,
    names: Names,
}

/// What it has read for that.
type Read = (Said, Extract);

fn said(host: &Host, scope: replica::ScopeId, peer: replica::ReplicaId) -> Read {
    let grounds = host.grounds(scope, peer);
    let extract = grounds.extract(&host.reader()).expect("it can be read");
    assert_eq!(
        extract.root, grounds.root,
        "the root is that of the records"
    );
    let said = Said {
        names: extract.hidden().map(|(n, d)| (*n, d.clone())).collect(),
        grounds,
    };
    (said, extract)
}

fn account(
    host: &Host,
    (own, mut extract): (&Said, Extract),
    other: &Said,
    control: Control,
) -> (Account, Bucket) {
    let (ours, theirs) = (&own.grounds, &other.grounds);
    let mut left_out = [ours.held_back.clone(), theirs.held_back.clone()].concat();
    left_out.sort_unstable();
    left_out.dedup();
    let reader = host.reader();
    let root = ours
        .root_without(&reader, &left_out)
        .expect("it can be read");
    let claims = Claims {
        positions: theirs.peers.clone(),
        refused: theirs.refused.clone(),
        names: other.names.clone(),
        left_out,
    };
    if control == Control::CoveredIsReplaced {
        name_covered(host, &mut extract.names);
    }
    let account = ours.account(&reader, extract, &claims);
    (account.expect("it can be read"), root)
}

/// A visible write of each register names all that any context covers.
fn name_covered(host: &Host, names: &mut Names) {
    let reader = host.reader();
    let keys = reader.keys_of_scope(host.config().scope).into_iter();
    let held = keys.filter_map(|key| reader.get(key).expect("it can be read"));
    let records: Vec<_> = held.map(|held| held.record).collect();
    let contexts = records.iter().map(|record| &record.context);
    let covered = contexts.flat_map(|context| {
        let up_to = |(incarnation, highest)| {
            let dot = move |counter| Dot {
                incarnation,
                counter,
            };
            (1..=highest).map(dot)
        };
        let dots = context.entries().flat_map(up_to);
        dots.filter(|dot| context.covers(*dot))
    });
    let covered: BTreeSet<Dot> = covered.collect();
    let visible = records.iter().flat_map(|record| &record.siblings);
    let mut named = BTreeSet::new();
    for sibling in visible {
        if named.insert(sibling.register) {
            let name = (sibling.dot(), sibling.register);
            names.insert(name, covered.iter().copied().collect());
        }
    }
}

/// Why a certificate between two hosts is not true; nothing when it is.
fn doubts(node: &Host, hub: &Host, control: Control) -> Option<String> {
    let scope = node.config().scope;
    let (of_node, read_of_node) = said(node, scope, hub.config().replica);
    let (of_hub, read_of_hub) = said(hub, scope, node.config().replica);
    let (ours, our_root) = account(node, (&of_node, read_of_node), &of_hub, control);
    let (theirs, their_root) = account(hub, (&of_hub, read_of_hub), &of_node, control);
    if our_root != their_root {
        return Some("the roots differ".to_owned());
    }
    let all = [("node", &ours), ("hub", &theirs)];
    let doubt = |(side, account): (&str, &Account)| {
        let life = account.lives.iter().find(|l| l.missing > 0 || l.forked)?;
        Some(format!("{side} {life:?} {:?}", account.listed))
    };
    all.into_iter().find_map(doubt)
}

/// A store without one register's candidate of a write, with a fingerprint that fits.
fn without(mut image: Image, key: RecordKey, gone: (Dot, RegisterId)) -> Image {
    let of_key = entries(&image).into_iter();
    for entry in of_key.filter(|entry| entry.record.key == key) {
        let mut record = entry.record.clone();
        record.siblings.retain(|s| (s.dot(), s.register) != gone);
        entry.rewrite(&mut image, &record);
    }
    image
}

impl World {
    fn over(&self, at: usize, image: Image) -> Host {
        let medium = Arc::new(Memory::from_image(image));
        Host::open(medium, self.config(at)).expect("a sound store")
    }

    /// The certificate of each node, and of each after a write was erased everywhere. It must miss
    /// what a restore took, from the node or from the hub.
    pub(crate) fn check_certificates(&mut self, lost: &[Option<Dot>]) {
        let control = self.options.control;
        let about = [
            Control::None,
            Control::CoveredIsReplaced,
            Control::RestoresForget,
        ];
        let about = about.contains(&control);
        if !about || !self.ghost.broken.is_empty() {
            return;
        }
        let hub = self.image(HUB);
        let of_hub = self.over(HUB, hub.clone());
        for node in NODES {
            let image = self.image(node);
            let of_node = self.over(node, image.clone());
            let lost = lost[node].or(lost[HUB]);
            let name = NAMES[node];
            match (doubts(&of_node, &of_hub, control), lost) {
                (None, None) => self.tally.count("a true certificate"),
                (None, Some(dot)) => {
                    self.broken(format!("I13 {name} does not miss {dot} after a restore"));
                    continue;
                }
                (Some(_), Some(_)) => {
                    self.tally.count("a loss that the certificate shows");
                    continue;
                }
                (Some(_why), None) => {
                    // Cautious: what was superseded before it travelled is known only to a journal
                    // that is gone, that was cut at a fork, or that belongs to a neighbour.
                    self.tally.count("a cautious certificate");
                    // Without the reason, in which heads are named: they hash wall times.
                    self.say(format_args!("the certificate of {name} is cautious"));
                    continue;
                }
            }
            let Some((key, gone)) = self.victim(&of_node, &image) else {
                continue;
            };
            let of_node = self.over(node, without(image, key, gone));
            let of_hub = self.over(HUB, without(hub.clone(), key, gone));
            self.tally.count("a false certificate");
            if doubts(&of_node, &of_hub, control).is_none() {
                self.broken(format!("I13 {} does not miss {gone:?}", NAMES[node]));
            }
        }
    }

    /// A visible write of the node's own journal.
    fn victim(&mut self, node: &Host, image: &Image) -> Option<(RecordKey, (Dot, RegisterId))> {
        let reader = node.reader();
        let pages = image.range(vec![b'J']..vec![b'K']).map(|(place, _)| {
            let number = |at: usize| place[at..at + 8].try_into().expect("eight bytes");
            let [incarnation, last] = [1, 9].map(|at| u64::from_be_bytes(number(at)));
            (incarnation, last)
        });
        let journal: BTreeMap<u64, u64> = pages.collect();
        // What is on record as refused is accounted for, also where somebody else brought it.
        let on_record = self.dots_on_record();
        let mut victims = Vec::new();
        for key in reader.keys_of_scope(node.config().scope) {
            let stored = reader.get(key).expect("it can be read");
            // A record of which nothing is left would count in no fingerprint, and copies of what
            // has moved count in none.
            let record = stored.filter(|s| s.parent.is_none()).map(|s| s.record);
            let record = record.filter(|record| {
                record.siblings.len() > 1 && record.register(RegisterId::OWNER).is_empty()
            });
            for sibling in record.iter().flat_map(|record| &record.siblings) {
                let dot = sibling.dot();
                let last = journal.get(&dot.incarnation.0);
                if last.is_some_and(|last| *last >= dot.counter) && !on_record.contains(&dot) {
                    victims.push((key, (dot, sibling.register)));
                }
            }
        }
        let which = self.rng.below(victims.len().max(1));
        victims.get(which).copied()
    }
}
