//! What a newer program says: kept and passed on byte for byte.

use bytes::Bytes;
use proto::sync::Outcome;
use replica::{Kind, Record, RecordId, RecordKey, RegisterId};
use tests::{
    rig::{Medium, fresh_replica},
    sample,
};

use crate::{
    hostile::{PATIENCE, raw_edit, write},
    world::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_and_fields_of_a_newer_program_reach_another_node_byte_for_byte() {
    let world = World::new().await;
    let mut puppet = world.puppet();
    let known = sample::id_of(puppet.scope, 1);
    let newer = [
        // A kind that nobody here knows, with a value that is not even protobuf.
        (
            Kind(90_001),
            RecordId([3; 16]),
            RegisterId(1),
            &b"\xff\xfe anything"[..],
        ),
        // A register that the kind does not have here.
        (
            sample::ORGANISATION,
            known,
            RegisterId(4_077),
            &b"\xea\xfe\x01\x03new"[..],
        ),
        // A field that a known register does not have here.
        (
            sample::ORGANISATION,
            sample::id_of(puppet.scope, 2),
            sample::remark_register(),
            &b"\xfa\x0a\x03old\xea\xfe\x01\x03new"[..],
        ),
    ];
    let mut sent: Vec<(RecordKey, Bytes)> = Vec::new();
    for (kind, id, register, value) in newer {
        let key = RecordKey { kind, id };
        let edit = raw_edit(key, puppet.scope, register, value, Vec::new());
        let dot = puppet.next_dot();
        let record: Record = write(&edit, None, dot);
        assert_eq!(
            world.offer(&mut puppet, &record).await.0,
            Outcome::Applied,
            "{key:?}"
        );
        sent.push((key, record.encode()));
    }
    let colleague = world
        .hub
        .node(fresh_replica(), crate::world::OWN, &Medium::Memory);
    colleague.settle(PATIENCE).await;
    for (key, bytes) in &sent {
        for reader in [world.reader(), colleague.handle().reader().clone()] {
            let held = reader.get(*key).unwrap().expect("it was kept").record;
            assert_eq!(held.encode(), *bytes, "{key:?}");
        }
    }
    // An edit of another register there leaves the unknown as it is, on the way back too.
    let edit = sample::remark(colleague.scope, 1, "beside", Vec::new());
    colleague.handle().edit(vec![edit], Vec::new()).unwrap();
    colleague.settle(PATIENCE).await;
    let at_hub = world.reader().get(sent[1].0).unwrap().unwrap().record;
    let unknown = at_hub.register(RegisterId(4_077));
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].value, newer[1].3);
    assert_eq!(at_hub.register(sample::remark_register()).len(), 1);
    world.survives().await;
}
