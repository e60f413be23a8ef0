//! The scripted scenes and the year of the demo: each comes to the result that it states.

use std::process::{Command, Output};

fn play(scene: &str) -> (Output, String) {
    let demo = env!("CARGO_BIN_EXE_demo");
    let ran = Command::new(demo)
        .args(["--scene", scene])
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout.clone()).unwrap();
    (ran, said)
}

/// A scene says its result only when everything in it came out as it must.
#[track_caller]
fn comes_to(scene: &str, result: &str) -> String {
    let (ran, said) = play(scene);
    let error = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{said}\n{error}");
    let stated = said.lines().any(|line| line == format!("结果：{result}"));
    assert!(stated, "not said: {result}\n{said}");
    assert!(!said.contains("  ✗ "), "{said}");
    said
}

#[test]
fn two_desks_edit_one_organisation_off_line() {
    comes_to(
        "1",
        "不同项自动合并，同一项并列两个值由人裁决，落选的值仍在历史中",
    );
}

#[test]
fn of_two_counts_the_later_counts_and_a_tie_is_decided() {
    comes_to(
        "2",
        "数据日期较晚的自动生效并留有记录，日期相同的由人说明理由选定",
    );
}

#[test]
fn an_import_replaces_nothing_that_a_person_changed() {
    comes_to(
        "3",
        "导入不覆盖人改过的项：名称建议以登记为准，人数建议以县区为准，均由人确认",
    );
}

#[test]
fn one_organisation_in_two_districts_is_ruled() {
    comes_to(
        "4",
        "各自计数、全市只计一次；市级裁定后并为一条，下属记录跟随，迟到的修改不丢",
    );
}

#[test]
fn a_link_to_a_dissolved_branch_is_kept_and_counts_no_more() {
    comes_to(
        "5",
        "覆盖关系保留但自撤销之日起不计；用到它的县区收到提示，另行选派指导员",
    );
}

#[test]
fn reopening_goes_before_closing() {
    comes_to(
        "6",
        "重新打开优先于销号，申请人看得到理由；同意的延期与销号申请互不覆盖",
    );
}

#[test]
fn a_deletion_against_an_edit_is_never_silent() {
    comes_to(
        "7",
        "删除不会悄悄生效：列为删改冲突，建议恢复，由人确认，填写的内容都在",
    );
}

#[test]
fn a_point_of_a_dissolved_branch_is_under_review() {
    comes_to("8", "验收结论有效，示范点转入复核，由市级决定");
}

#[test]
fn a_reform_takes_in_what_was_written_under_the_old_codes() {
    comes_to(
        "9",
        "旧代码下的填写全部归入 410308，原辖区留在历史中，没有后继的乡镇列给市级",
    );
}

#[test]
fn a_restored_backup_loses_nothing() {
    comes_to("10", "恢复前后的修改都在，双方签名证明没有丢失");
}

#[test]
fn a_return_is_refused_while_the_hashes_differ() {
    comes_to("11", "指纹不一致时不予接收，同步后重新上报即接收");
}

#[test]
fn an_erased_person_is_in_no_file_of_either_side() {
    comes_to(
        "12",
        "两边的记录、历史和文件里都不再有这个人的姓名，指标不变",
    );
}

#[test]
fn the_hub_receives_by_rank_up_to_the_cap() {
    comes_to(
        "13",
        "市级按次序接收到名额为止，其余退回并写明理由，材料都在",
    );
}

#[test]
fn a_correction_after_the_lock_shows_as_one() {
    comes_to("14", "台账照常更正，锁定的数字不变，差额在两边都列为更正");
}

#[test]
fn a_whole_year_is_played_through_and_ends_with_the_scorecard() {
    let said = comes_to(
        "year",
        "一年走完：五个一、平台、三单、申报验收、奖补通报都已办结，新年度已打开",
    );
    for part in [
        "数据截至：2020-12-31",
        "12/33 36.4%",
        "△接近 +83.3",
        "伊川县：5 项要求中未达标 3 项",
    ] {
        assert!(said.contains(part), "not on the scorecard: {part}\n{said}");
    }
}

#[test]
fn the_scenes_are_listed_and_no_other_is_played() {
    let (ran, said) = play("list");
    assert_eq!(ran.status.code(), Some(0));
    let listed = said.lines().filter(|line| line.contains('·')).count();
    assert_eq!(listed, 15, "{said}");
    let (ran, said) = play("99");
    assert_eq!(ran.status.code(), Some(2), "{said}");
}
