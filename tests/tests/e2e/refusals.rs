//! Every refusal says a code, what happened, what is safe and what to do, in two languages.

use tests::programs::{Program, Ran};

use super::city::{City, assert_refused, hub_exe, load_samples, node_exe, sample};

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// What stderr says after the code.
fn sentence(ran: &Ran, code: &str) -> String {
    let said = ran.stderr.split_once(&format!("{code}  "));
    let (_, sentence) = said.unwrap_or_else(|| panic!("{code} is not said: {ran:?}"));
    sentence.trim_end().to_owned()
}

/// Runs a command that must be refused, in both languages and with and without `--json`.
#[track_caller]
fn says(program: &Program, args: &[&str], exit: i32, code: &str) {
    let run = |lang: &str, json: bool| {
        let rest = ["--lang", lang].into_iter().chain(json.then_some("--json"));
        let ran = program.run(args.iter().copied().chain(rest));
        assert_refused(&ran, exit, code);
        assert_eq!(ran.stdout.is_empty(), !json, "{ran:?}");
        if json {
            assert_eq!(
                ran.json()["error"]["message"],
                sentence(&ran, code).as_str()
            );
        }
        sentence(&ran, code)
    };
    let (zh, en) = (run("zh", false), run("en", true));
    assert!(is_chinese(&zh), "{zh}");
    assert!(!is_chinese(&en), "{en}");
    assert!(
        !en.contains('{') && !zh.contains('{'),
        "a fact is missing: {zh} {en}"
    );
    assert_eq!(run("zh", true), zh);
}

#[test]
fn every_refusal_has_a_code_and_a_sentence_in_both_languages() {
    let mut city = City::open();
    let node = city.jianxi().node;
    load_samples(&node, 1..=1);
    let id = sample(1).0;
    let hub = city.hub.clone();
    let fresh = Program::node(node_exe(), &city.path("fresh"));
    let wrong_side = Program::hub(hub_exe(), &node.data);
    let absent = city.text_path("absent.csv");
    let put = [
        "record",
        "put",
        "organisation",
        &id,
        "--reason",
        "x",
        "--set",
    ];
    let with = |set| [&put[..], &[set]].concat();
    let plain = city.text_path("plain.csv");
    std::fs::write(&plain, "a,b\n1,2\n").unwrap();

    says(&fresh, &["status"], 2, "DIR-001");
    says(&fresh, &["serve"], 2, "DIR-001");
    says(&wrong_side, &["status"], 2, "DIR-004");
    says(
        &hub,
        &["init", "--scope", "410300", "--name", "x"],
        2,
        "DIR-002",
    );
    says(
        &Program::hub(hub_exe(), &city.path("second")),
        &["init", "--scope", "4103", "--name", "x"],
        2,
        "HUB-002",
    );
    says(
        &node,
        &["serve", "--console", "127.0.0.1:0"],
        2,
        "CONSOLE-001",
    );
    says(
        &hub,
        &["serve", "--console", "127.0.0.1:0"],
        2,
        "CONSOLE-001",
    );
    says(&node, &["status", "--today", "2020-10-15"], 2, "USAGE-003");
    says(&node, &["status", "--today", "tomorrow"], 2, "USAGE-002");
    says(&node.by("not an account"), &["status"], 2, "USAGE-004");
    says(&hub, &["node", "revoke", "nosuchnode"], 2, "HUB-001");
    says(
        &hub,
        &["node", "invite", "--scope", "41", "--name", "x"],
        2,
        "HUB-002",
    );
    says(
        &hub,
        &[
            "node", "invite", "--scope", "410302", "--name", "x", "--ttl", "soon",
        ],
        2,
        "HUB-005",
    );
    says(&node, &["record", "get", "nosuch", &id], 6, "RECORD-001");
    says(
        &node,
        &["record", "get", "organisation", "nosuch"],
        6,
        "RECORD-002",
    );
    says(
        &node,
        &["record", "list", "organisation", "--scope", "nosuch"],
        6,
        "RECORD-004",
    );
    says(&node, &["conflict", "show", "nonsense"], 6, "CONFLICT-001");
    let docket = format!("organisation/{id}/remark");
    says(
        &node,
        &["conflict", "take", &docket, "1", "--reason", "x"],
        6,
        "CONFLICT-002",
    );
    says(
        &node,
        &["report", "indicators", "--as-of", "someday"],
        6,
        "REPORT-001",
    );
    says(&node, &["import", "organisation", &absent], 6, "IMPORT-001");
    says(&node, &["import", "organisation", &plain], 6, "IMPORT-010");
    says(
        &node,
        &["import", "organisation", &plain, "--as-of", "someday"],
        2,
        "USAGE-002",
    );
    says(
        &node,
        &[
            "record", "put", "scope", "410305", "--reason", "x", "--set", "name=y",
        ],
        4,
        "AUTH-HUB-ONLY",
    );
    says(&node, &with("employees=-1"), 6, "count");
    says(&node, &["restore", &plain], 6, "BACKUP-002");
    let settings = node.data.join("config.toml");
    std::fs::write(&settings, "[store]\ncach_mib = 1\n").unwrap();
    says(&node, &["config", "check"], 6, "CONFIG-001");
    says(&node, &["status"], 6, "CONFIG-001");
}

#[test]
fn without_a_directory_or_with_wrong_usage_the_exit_code_is_2() {
    let usage = |exe: &std::path::Path, args: &[&str]| {
        let mut command = std::process::Command::new(exe);
        command
            .args(args)
            .env_remove("LIANGXIN_DATA")
            .env_remove("LIANGXIN_AS")
            .env("LC_ALL", "C.UTF-8");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Ran {
            code,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    };
    for exe in [hub_exe(), node_exe()] {
        assert_refused(&usage(exe, &["status"]), 2, "USAGE-001");
        assert_refused(
            &usage(exe, &["status", "--json", "--lang", "en"]),
            2,
            "USAGE-001",
        );
        for args in [
            &["nonsense"][..],
            &[],
            &["record", "list"],
            &["status", "--nonsense"],
            &["record", "put", "organisation"],
        ] {
            let ran = usage(exe, args);
            assert_eq!(ran.code, 2, "{args:?} {ran:?}");
            assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
        }
        for args in [&["--help"][..], &["--version"], &["record", "--help"]] {
            let ran = usage(exe, args);
            assert!(ran.code == 0 && !ran.stdout.is_empty(), "{args:?} {ran:?}");
        }
    }
}
