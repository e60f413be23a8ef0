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
fn says(program: &Program, command: &str, exit: i32, code: &str) {
    let run = |lang: &str, json: bool| {
        let rest = ["--lang", lang].into_iter().chain(json.then_some("--json"));
        let ran = program.run(command.split(' ').chain(rest));
        assert_refused(&ran, exit, code);
        assert_eq!(ran.stdout.is_empty(), !json, "{ran:?}");
        if json {
            let told = ran.json()["error"]["message"]
                .as_str()
                .unwrap()
                .trim_end()
                .to_owned();
            assert_eq!(told, sentence(&ran, code));
        }
        sentence(&ran, code)
    };
    let (zh, en) = (run("zh", false), run("en", true));
    assert!(is_chinese(&zh), "{zh}");
    assert!(!is_chinese(&en), "{en}");
    let whole = !en.contains('{') && !zh.contains('{');
    assert!(whole, "a fact is missing: {zh} {en}");
    assert_eq!(run("zh", true), zh);
}

/// Commands that have nothing to do with records.
fn of_programs<'p>(
    hub: &'p Program,
    node: &'p Program,
) -> [(&'p Program, &'static str, i32, &'static str); 16] {
    [
        (hub, "init --scope 410300 --name x", 2, "DIR-002"),
        (node, "serve --console 127.0.0.1:0", 2, "CONSOLE-001"),
        (hub, "serve --console 127.0.0.1:0", 2, "CONSOLE-001"),
        (node, "status --today 2020-10-15", 2, "USAGE-003"),
        (node, "status --today tomorrow", 2, "USAGE-002"),
        (hub, "node revoke nosuchnode", 2, "HUB-001"),
        (hub, "node invite --scope 41 --name x", 2, "HUB-002"),
        (hub, "node invite --scope 999999 --name x", 2, "HUB-006"),
        (
            hub,
            "node invite --scope 410302 --name x --ttl soon",
            2,
            "HUB-005",
        ),
        (
            node,
            "join --hub https://127.0.0.1:1 --token JN1",
            6,
            "NODE-002",
        ),
        (
            node,
            "backup ABSENT/b --passphrase-file PLAIN --with-keys",
            6,
            "BACKUP-001",
        ),
        (node, "backup FOLDER", 2, "BACKUP-014"),
        (node, "bundle import PLAIN", 6, "BUNDLE-002"),
        (node, "bundle export PLAIN", 2, "BUNDLE-009"),
        (node, "restore PLAIN", 6, "BACKUP-002"),
        (node, "restore ABSENT", 1, "FILE-001"),
    ]
}

/// Commands that read and write records.
const OF_RECORDS: [(&str, i32, &str); 15] = [
    ("record get nosuch ID", 6, "RECORD-001"),
    ("record get organisation nosuch", 6, "RECORD-002"),
    (
        "record get organisation 00000000-0000-7000-8000-000000000001",
        6,
        "RECORD-003",
    ),
    ("record list organisation --scope nosuch", 6, "RECORD-004"),
    ("record put organisation ID --reason x", 2, "RECORD-009"),
    (
        "record put organisation ID --reason x --set employees=-1",
        6,
        "count",
    ),
    (
        "record put scope 410305 --reason x --set name=y",
        4,
        "AUTH-HUB-ONLY",
    ),
    ("record load ABSENT", 1, "FILE-001"),
    ("conflict show nonsense", 6, "CONFLICT-001"),
    (
        "conflict take organisation/ID/remark 1 --reason x",
        6,
        "CONFLICT-002",
    ),
    ("report indicators --as-of someday", 6, "REPORT-001"),
    ("import nosuch PLAIN", 6, "RECORD-001"),
    ("import organisation ABSENT", 6, "IMPORT-001"),
    ("import organisation PLAIN", 6, "IMPORT-010"),
    ("import organisation PLAIN --as-of someday", 2, "USAGE-002"),
];

#[test]
fn every_refusal_has_a_code_and_a_sentence_in_both_languages() {
    let mut city = City::open();
    let (node, hub) = (city.jianxi().node, city.hub.clone());
    load_samples(&node, 1..=1);
    let plain = city.text_path("plain.csv");
    std::fs::write(&plain, "a,b\n1,2\n").unwrap();
    let (absent, folder) = (city.text_path("absent.csv"), city.text_path(""));
    let fill = |command: &str| {
        let filled = command.replace("ID", &sample(1).0).replace("PLAIN", &plain);
        filled.replace("ABSENT", &absent).replace("FOLDER", &folder)
    };
    for (program, command, exit, code) in of_programs(&hub, &node) {
        says(program, &fill(command), exit, code);
    }
    for (command, exit, code) in OF_RECORDS {
        says(&node, &fill(command), exit, code);
    }
    let fresh = Program::node(node_exe(), &city.path("fresh"));
    says(&fresh, "status", 2, "DIR-001");
    says(&fresh, "serve", 2, "DIR-001");
    says(
        &Program::hub(hub_exe(), &fresh.data),
        "init --scope 4103 --name x",
        2,
        "HUB-002",
    );
    says(&Program::hub(hub_exe(), &node.data), "status", 2, "DIR-004");
    says(&node.by("not an account"), "status", 2, "USAGE-004");
    std::fs::write(node.data.join("config.toml"), "[store]\ncach_mib = 1\n").unwrap();
    says(&node, "config check", 6, "CONFIG-001");
    says(&node, "status", 6, "CONFIG-001");
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
            assert_refused(&ran, 2, "USAGE-006");
        }
        // What the parser says stands below the sentence, and in the document of a script.
        let wrong = ["status", "--nonsense", "--lang", "en"];
        let ran = usage(exe, &wrong);
        assert!(
            ran.stderr.contains("The command is not well formed"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("--nonsense"), "{ran:?}");
        let ran = usage(exe, &["status", "--nonsense", "--json"]);
        assert_refused(&ran, 2, "USAGE-006");
        let detail = &ran.json()["error"]["detail"];
        assert!(detail.as_str().unwrap().contains("--nonsense"), "{ran:?}");
        for args in [&["--help"][..], &["--version"], &["record", "--help"]] {
            let ran = usage(exe, args);
            assert!(ran.code == 0 && !ran.stdout.is_empty(), "{args:?} {ran:?}");
        }
    }
}
