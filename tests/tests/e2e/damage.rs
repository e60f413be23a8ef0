//! A store that is damaged, full or may not be written: said, and nothing made worse.

use std::os::unix::fs::PermissionsExt as _;

use tests::programs::Program;

use super::city::{City, hub_exe, load_samples, organisations, refused};

/// Flips bits all over a file, a stride apart.
fn flip(bytes: &mut [u8], from: usize, stride: usize) {
    bytes
        .iter_mut()
        .skip(from)
        .step_by(stride)
        .for_each(|byte| *byte ^= 0x55);
}

#[test]
fn a_damaged_store_is_said_and_left_as_it_is() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=200);
    let all = organisations(&node);
    let db = node.data.join("store").join("db");
    let good = std::fs::read(&db).unwrap();

    let mut bytes = good.clone();
    flip(&mut bytes, 100, 4_096);
    std::fs::write(&db, &bytes).unwrap();
    for args in [
        &["status"][..],
        &["verify"],
        &["record", "list", "organisation"],
        &["serve"],
        &["sync", "--once"],
    ] {
        refused(&node, args, 7, "STORE-002");
    }

    // One byte: where something lies, it is said; in a free place nothing is missing.
    let mut said = 0;
    for part in 1..=39 {
        let mut bytes = good.clone();
        bytes[good.len() * part / 40] ^= 0x10;
        std::fs::write(&db, bytes).unwrap();
        let ran = node.run(["record", "list", "organisation", "--json"]);
        if ran.code == 0 {
            assert_eq!(
                ran.json()["records"].as_array().unwrap(),
                &all,
                "byte {part} of 40"
            );
        } else {
            super::city::assert_refused(&ran, 7, "STORE-002");
            said += 1;
        }
    }
    assert!(said > 0, "every flipped byte lay in a free place");
    std::fs::write(&db, good).unwrap();
    assert_eq!(organisations(&node), all, "looking has made nothing worse");
}

#[test]
fn a_disk_with_too_little_room_is_said_before_anything_is_written() {
    let city = City::founded();
    std::fs::write(
        city.hub.data.join("config.toml"),
        "[store]\nmin_free_mib = 1048576\n",
    )
    .unwrap();
    refused(&city.hub, ["status"], 1, "STORE-003");
    refused(
        &city.hub,
        ["serve", "--listen", "127.0.0.1:0"],
        1,
        "STORE-003",
    );
}

#[test]
fn a_place_that_may_not_be_written_is_said() {
    let city = City::founded();
    // No program can make a file here, whoever runs it.
    let nowhere = Program::hub(hub_exe(), std::path::Path::new("/proc/liangxin"));
    let ran = nowhere.run(["init", "--scope", "410300", "--name", "洛阳市"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let code = ran.stderr.split("  ").next().unwrap_or_default().to_owned();
    super::city::assert_refused(&ran, 1, &code);

    let store = city.hub.data.join("store");
    let set =
        |mode| std::fs::set_permissions(&store, std::fs::Permissions::from_mode(mode)).unwrap();
    set(0o500);
    // For some accounts permissions mean nothing, and there is nothing to prove.
    let is_free = std::fs::write(store.join("probe"), "").is_ok();
    if !is_free {
        refused(&city.hub, ["status"], 1, "STORE-004");
    }
    set(0o700);
}
