//! The scripted scenes: each plays one situation out of real work on a small stage of its own, and
//! ends with a stated result. They are for those who train clerks, and each is a test.

mod between;
mod editing;
mod loss;
mod person;
mod returns;
mod steps;

use std::path::Path;

use domain::demo::Demo;
use serde_json::{Value, json};

use super::{
    Checks, Place, Stage, say, scene, sides,
    stage::{District, candidate_with},
    text, year,
};
use crate::programs::Program;

/// The day on which the scenes play, unless they say another.
const DAY: &str = "2020-10-15";

const LAOCHENG: Place = Place::office("410302", "老城区");
const JIANXI: Place = Place::office("410305", "涧西区");
/// A second desk of Jianxi.
const PARK: Place = JIANXI.desk("park", "园区");

/// A scene.
pub(super) struct Scene {
    /// What it is asked for by.
    name: &'static str,
    /// What happens.
    zh: &'static str,
    en: &'static str,
    /// Who takes part beside the city.
    places: &'static [Place],
    play: fn(&mut Stage, &mut Checks),
    /// What it comes to.
    result_zh: &'static str,
    result_en: &'static str,
}

/// All of them.
const SCENES: &[Scene] = &[
    Scene {
        name: "1",
        zh: "两个岗位断网各改一家单位",
        en: "two desks edit one organisation off line",
        places: &[JIANXI, PARK],
        play: editing::double_edit,
        result_zh: "不同项自动合并，同一项并列两个值由人裁决，落选的值仍在历史中",
        result_en: "different fields merge, one field waits for a person with both values, nobody's text is lost",
    },
    Scene {
        name: "2",
        zh: "同一单位的两次人数统计",
        en: "two head counts of one organisation",
        places: &[JIANXI, PARK],
        play: editing::two_counts,
        result_zh: "数据日期较晚的自动生效并留有记录，日期相同的由人说明理由选定",
        result_en: "the later date counts by itself and both are kept; of one date a person chooses with a reason",
    },
    Scene {
        name: "3",
        zh: "登记机关的表与人工填写不一致",
        en: "the registry's sheet against what was entered by hand",
        places: &[JIANXI],
        play: editing::import_against_manual,
        result_zh: "导入不覆盖人改过的项：名称建议以登记为准，人数建议以县区为准，均由人确认",
        result_en: "an import replaces nothing that a person changed: the registry is suggested for the name, the district for figures, a person confirms",
    },
    Scene {
        name: "4",
        zh: "410302 与 410305 登记了同一单位",
        en: "one organisation in two districts",
        places: &[LAOCHENG, JIANXI],
        play: between::claimed_twice,
        result_zh: "各自计数、全市只计一次；市级裁定后并为一条，下属记录跟随，迟到的修改不丢",
        result_en: "both count at home and once in the city; the city merges them, what is below follows, the late edit is not lost",
    },
    Scene {
        name: "5",
        zh: "党支部撤销时另一县区正在挂靠",
        en: "a branch is dissolved while another district links to it",
        places: &[LAOCHENG, JIANXI],
        play: between::dissolved_while_linked,
        result_zh: "覆盖关系保留但自撤销之日起不计；用到它的县区收到提示，另行选派指导员",
        result_en: "the link is kept and counts no more; the district that uses it is told and sends an instructor",
    },
    Scene {
        name: "6",
        zh: "销号与重新打开同时发生",
        en: "closing against reopening",
        places: &[JIANXI, PARK],
        play: steps::close_against_reopen,
        result_zh: "重新打开优先于销号，申请人看得到理由；同意的延期与销号申请互不覆盖",
        result_en: "reopening goes before closing and the applicant sees why; a granted extension stands beside the application",
    },
    Scene {
        name: "7",
        zh: "一处删除，一处还在填写",
        en: "one desk deletes what another still fills in",
        places: &[JIANXI, PARK],
        play: editing::delete_against_edit,
        result_zh: "删除不会悄悄生效：列为删改冲突，建议恢复，由人确认，填写的内容都在",
        result_en: "a deletion is never silent: it is listed, restoring is suggested, a person confirms, the text is there",
    },
    Scene {
        name: "8",
        zh: "市级验收通过时党支部已撤销",
        en: "a branch is dissolved while the city accepts its nomination",
        places: &[JIANXI],
        play: steps::nomination_against_dissolution,
        result_zh: "验收结论有效，示范点转入复核，由市级决定",
        result_en: "the verdict stands, the point is under review, the city decides",
    },
    Scene {
        name: "9",
        zh: "2021年区划调整：吉利区、孟津县并为孟津区，节点还断着网",
        en: "the reform of 2021, with nodes still off line",
        places: &[between::JILI, between::MENGJIN],
        play: between::reform,
        result_zh: "旧代码下的填写全部归入 410308，原辖区留在历史中，没有后继的乡镇列给市级",
        result_en: "all written under the old codes is 410308's, the old scope stays in history, a town without successor is the city's task",
    },
    Scene {
        name: "10",
        zh: "县区恢复了早先的旧备份",
        en: "a district goes back to an old backup",
        places: &[JIANXI],
        play: loss::restored_backup,
        result_zh: "恢复前后的修改都在，双方签名证明没有丢失",
        result_en: "every edit is there, and both sides sign that nothing was lost",
    },
    Scene {
        name: "11",
        zh: "季报的数字与市级不一致",
        en: "a return whose figures differ from the city's",
        places: &[JIANXI],
        play: returns::refused_until_equal,
        result_zh: "指纹不一致时不予接收，同步后重新上报即接收",
        result_en: "refused while the hashes differ, accepted after the sync",
    },
    Scene {
        name: "12",
        zh: "清除一个人的个人信息",
        en: "a person is erased",
        places: &[JIANXI],
        play: person::erased,
        result_zh: "两边的记录、历史和文件里都不再有这个人的姓名，指标不变",
        result_en: "no record, history or file of either side says the name any more, and the figures stay",
    },
    Scene {
        name: "13",
        zh: "两个岗位推荐的示范点超出名额",
        en: "two desks recommend beyond the cap",
        places: &[JIANXI, PARK],
        play: steps::beyond_the_cap,
        result_zh: "市级按次序接收到名额为止，其余退回并写明理由，材料都在",
        result_en: "the hub takes by rank up to the cap and returns the rest with the reason",
    },
    Scene {
        name: "14",
        zh: "季报锁定之后的更正",
        en: "a late correction after the lock",
        places: &[JIANXI],
        play: returns::corrected_after_the_lock,
        result_zh: "台账照常更正，锁定的数字不变，差额在两边都列为更正",
        result_en: "the ledger goes on, the frozen figure stays, the difference shows as a correction on both sides",
    },
    Scene {
        name: "year",
        zh: "完整的一年：从排查到下一年度",
        en: "a whole year, from the census to the next",
        places: &year::PLACES,
        play: year::play,
        result_zh: "一年走完：五个一、平台、三单、申报验收、奖补通报都已办结，新年度已打开",
        result_en: "the year is through, settled and archived, and the next one is open",
    },
];

/// Finds a scene.
pub(super) fn find(name: &str) -> Option<&'static Scene> {
    SCENES.iter().find(|scene| scene.name == name)
}

/// Says which there are.
pub(super) fn list() {
    for scene in SCENES {
        say(&format!("{:>4}  {}  ·  {}", scene.name, scene.zh, scene.en));
    }
}

impl Scene {
    /// Plays it in a folder. Returns whether everything came out as it must.
    pub(super) fn play(&self, exe: &Path, folder: &Path) -> (Stage, bool) {
        scene(self.name, self.zh, self.en);
        let mut stage = Stage::set(exe, folder, self.places, true);
        stage.districts.iter_mut().for_each(District::start);
        let mut checks = Checks::new();
        (self.play)(&mut stage, &mut checks);
        let is_good = checks.is_good();
        if is_good {
            say(&format!("\n结果：{}", self.result_zh));
            say(&format!("Result: {}", self.result_en));
        }
        (stage, is_good)
    }
}

/// Organisation `n` of the generator, complete, with figures that its scene changes.
fn firm(scope: &str, n: u32) -> Value {
    let firm = Demo::default().organisation(scope, n);
    json!({
        "uscc": firm.uscc, "name": firm.name, "org_class": "new_economic",
        "org_kind": "private_enterprise", "industry": "C", "operating_status": "operating",
        "census_status": "counted", "employees": 30, "members": 4, "full_members": 4,
        "as_of": "2020-09-30", "eligibility": "eligible", "source": "manual",
    })
}

/// A branch that works.
fn branch(name: &str) -> Value {
    json!({ "name": name, "type": "branch", "status": "active", "form": "standalone",
        "established_on": "2020-01-01" })
}

/// The program of a desk on the day of the scenes, under an account.
fn at(district: &District, account: &str) -> Program {
    district.program.by(account).on(DAY)
}

/// Whether a program holds a value of a record as the only one of its field.
fn holds(program: &Program, (kind, id): (&str, &str), field: &str, value: &Value) -> bool {
    let record = program.get(kind, id);
    record["values"][field] == *value && record["conflicts"] == json!([])
}

/// The open conflicts of a program.
fn conflicts(program: &Program) -> Vec<Value> {
    let list = program.json(["conflict", "list"]);
    list.as_array().cloned().unwrap_or_default()
}

/// Shows an open conflict as a person sees it: what it is about, every value with its author, what
/// the rules suggest. Returns the card.
fn card(program: &Program, docket: &str) -> Value {
    let card = program.json(["conflict", "show", docket]);
    say(&format!("  {}", text(&card["what"])));
    sides(&card);
    let preset = &card["preset"];
    say(&format!("  建议：{}", text(&preset["reason"])));
    card
}

/// Whether a card suggests the candidate whose value says this, by a rule.
fn suggests(card: &Value, rule: &str, said: &str) -> bool {
    let preset = &card["preset"];
    let number = candidate_with(card, said).parse::<u64>();
    preset["rule"] == rule && number.is_ok_and(|number| preset["candidate"] == number)
}

/// Takes the candidate whose value says this.
fn take(program: &Program, card: &Value, said: &str, reason: &str) {
    let number = candidate_with(card, said);
    let docket = text(&card["id"]);
    let take = ["conflict", "take", docket, &number, "--reason", reason];
    program.run(take).ok();
    say(&format!("  裁定：采用“{said}”，理由“{reason}”"));
}

/// Everything that was ever written to a record, as a program has it.
fn history(program: &Program, (kind, id): (&str, &str)) -> String {
    program.json(["record", "history", kind, id]).to_string()
}
