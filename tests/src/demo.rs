//! The demo: it plays a day of the federation with the real programs and tells it while it goes.

#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "documents of our own programs; the demo stops at the first surprise"
)]

mod across;
mod safe;
mod scenes;
mod stage;
mod year;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;

use crate::programs::Program;
use stage::{Checks, Place, Stage, candidate_with, say, scene, sides, text};

/// The census of one district as an office keeps it.
const CENSUS: &[u8] = include_bytes!("../data/census_410305.xlsx");

/// The districts of the demo.
const DISTRICTS: [Place; 3] = [
    Place::office("410302", "老城区"),
    Place::office("410305", "涧西区"),
    Place::office("410329", "伊川县"),
];
/// The day on which the demo plays.
const TODAY: &str = "2020-10-15";

/// Options of the demo.
#[derive(Parser, Clone, Debug)]
#[command(about = "A city and three districts in one terminal, from nothing")]
struct Options {
    /// Keep everything running at the end, until Ctrl-C
    #[arg(long)]
    stay: bool,
    /// Keep the data there (default: a temporary directory)
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Play one scene instead: its number, `year`, or `list` for the table of them
    #[arg(long, value_name = "N")]
    scene: Option<String>,
}

/// Plays the demo.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let folder = options
        .folder
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).expect("the folder is made");
    let exe = std::env::current_exe().expect("a program has a path");
    if options.scene.as_deref() == Some("list") {
        scenes::list();
        return ExitCode::SUCCESS;
    }
    say("两新 Liangxin · 演示数据，均为虚构 · demonstration data, all fictional");
    let start = Instant::now();
    let (stage, told) = match &options.scene {
        Some(name) => {
            let Some(scene) = scenes::find(name) else {
                say(&format!("没有场景 {name} · there is no such scene"));
                scenes::list();
                return ExitCode::from(2);
            };
            scene.play(&exe, &folder)
        }
        None => play_the_day(&exe, &folder),
    };
    say(&format!(
        "\n演示完成，用时 {:.1} 秒 · done",
        start.elapsed().as_secs_f64()
    ));
    if !told {
        say("结果与预期不符 · the result is not the expected one");
        return ExitCode::FAILURE;
    }
    if options.stay {
        say(&format!(
            "程序保持运行，数据在 {} ，按 Ctrl-C 结束",
            stage.folder.display()
        ));
        loop {
            std::thread::park();
        }
    }
    ExitCode::SUCCESS
}

/// Plays the day of the federation. Returns whether everything came out as it must.
fn play_the_day(exe: &std::path::Path, folder: &std::path::Path) -> (Stage, bool) {
    scene(
        "1",
        "建立市级汇聚端，邀请三个县区入网",
        "a city is set up, three districts join",
    );
    let mut stage = Stage::set(exe, folder, &DISTRICTS, false);
    let listen = stage.serving.as_ref().map(crate::programs::Serving::listen);
    say(&format!(
        "市级汇聚端在 {} 接受节点（TLS 1.3，双向认证）",
        listen.unwrap_or_default()
    ));
    stage.districts.iter_mut().for_each(stage::District::start);
    let told = stage.play();
    (stage, told)
}

impl Stage {
    /// Plays all scenes. Returns whether everything came out as it must.
    fn play(&mut self) -> bool {
        self.import();
        self.first_sync();
        self.backup();
        let (merged, disputed) = self.edits_without_a_line();
        let good = self.line_back(&merged, &disputed);
        let good = self.decide(&disputed) && good;
        let good = self.claim() && good;
        let good = self.transfer() && good;
        scene(
            "9",
            "县区恢复早先的旧备份，一处修改都不丢",
            "a district restored from an old backup loses nothing",
        );
        let good = self.restored() && good;
        let good = self.all_equal() && good;
        scene(
            "11",
            "双方签名的证书：没有丢失",
            "both sides sign that nothing was lost",
        );
        let good = self.certificate() && good;
        self.city_table();
        good
    }

    fn import(&self) {
        scene(
            "2",
            "县区导入自己的台账（没有网络也能做）",
            "districts import what their offices keep",
        );
        let file = self.folder.join("涧西区排查台账.xlsx");
        std::fs::write(&file, CENSUS).expect("the sheet is written");
        let jianxi = self.district("410305");
        let path = file.to_string_lossy().into_owned();
        let summary = jianxi
            .program
            .json(["import", "organisation", &path, "--today", TODAY]);
        say(&format!(
            "  涧西区：{} 行，新增 {}，退回 {}",
            summary["rows"],
            summary["created"],
            summary["rejected"].as_array().map_or(0, Vec::len)
        ));
        for row in summary["rejected"].as_array().into_iter().flatten().take(3) {
            say(&format!(
                "    第 {} 行 {}：{}",
                row["row"], row["field"], row["message"]
            ));
        }
        say("    …");
        for district in &self.districts {
            let filled = district
                .program
                .json(["demo", "fill", "--size", "small", "--today", TODAY]);
            assert_eq!(filled["refused"], 0, "{filled}");
            say(&format!(
                "  {}：{} 条记录",
                district.name, filled["created"]
            ));
        }
    }

    fn first_sync(&self) {
        scene("3", "首次同步", "first sync");
        for district in &self.districts {
            let start = Instant::now();
            let done = district.program.json(["sync", "--once"]);
            let milliseconds = start.elapsed().as_millis();
            say(&format!(
                "  {}：已送达 {}，已接收 {}，双方一致（{milliseconds} 毫秒）",
                district.name, done["sent"], done["received"]
            ));
        }
        let filled = self
            .hub
            .json(["demo", "fill", "--size", "small", "--today", TODAY]);
        assert_eq!(
            (&filled["refused"], &filled["missing"]),
            (&0.into(), &0.into()),
            "{filled}"
        );
        say(&format!(
            "  市级办理申报、验收、通报：新建 {} 条，推进 {} 步",
            filled["created"], filled["changed"]
        ));
        self.settle_all();
        let status = self.hub.json(["status"]);
        say(&format!("  市级现有 {} 条记录", status["records"]));
    }

    /// Cuts the line of one district; both sides go on writing.
    fn edits_without_a_line(&self) -> (String, String) {
        scene(
            "4",
            "断网，两边各自修改",
            "the line is cut, both sides write",
        );
        let jianxi = self.district("410305");
        let all = jianxi
            .program
            .json(["record", "list", "organisation", "--limit", "2"]);
        let id = |at: usize| {
            all["records"][at]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (merged, disputed) = (id(0), id(1));
        jianxi.line.cut();
        say("  涧西区的线路已断开");
        put(
            &jianxi.program.by("张工"),
            &merged,
            "operating_address=涧西示例路999号",
            "现场核实",
        );
        put(
            &self.hub.by("市级"),
            &merged,
            "remark=市级抽查：情况属实",
            "抽查",
        );
        say("  单位甲：县区改了经营地址，市级改了备注");
        put(
            &jianxi.program.by("张工"),
            &disputed,
            "operating_address=涧西示例路1号",
            "企业来电",
        );
        put(
            &self.hub.by("市级"),
            &disputed,
            "operating_address=涧西示例路2号",
            "登记信息",
        );
        say("  单位乙：两边改了同一项（经营地址）");
        (merged, disputed)
    }

    fn line_back(&self, merged: &str, disputed: &str) -> bool {
        scene("5", "线路恢复，自动合并", "the line is back, edits merge");
        let jianxi = self.district("410305");
        jianxi.line.mend();
        jianxi.settle();
        let record = self.hub.json(["record", "get", "organisation", merged]);
        let values = &record["values"];
        say(&format!(
            "  单位甲：经营地址“{}”，备注“{}”：两边的修改都在，没有冲突",
            text(&values["operating_address"]),
            text(&values["remark"])
        ));
        let both = text(&values["operating_address"]) == "涧西示例路999号"
            && text(&values["remark"]) == "市级抽查：情况属实";
        let conflicts = self.hub.json(["conflict", "list"]);
        let id = docket(disputed);
        let listed = conflicts
            .as_array()
            .into_iter()
            .flatten()
            .any(|entry| entry["id"] == id);
        say(&format!("  单位乙：真正的冲突 {id}"));
        both && listed
    }

    fn decide(&self, disputed: &str) -> bool {
        scene("6", "由人裁定，说明理由", "a person decides, with a reason");
        let id = docket(disputed);
        let shown = self.hub.json(["conflict", "show", &id]);
        say(&format!("  原值：{}", shown["base"]));
        sides(&shown);
        let wanted = "涧西示例路1号";
        let take = candidate_with(&shown, wanted);
        let resolver = self.hub.by("冲突处理员");
        resolver
            .run([
                "conflict",
                "take",
                &id,
                &take,
                "--reason",
                "以县区现场核实为准",
            ])
            .ok();
        say("  裁定：采用县区的值，理由“以县区现场核实为准”");
        let jianxi = self.district("410305");
        jianxi.settle();
        let record = jianxi
            .program
            .json(["record", "get", "organisation", disputed]);
        let value = text(&record["values"]["operating_address"]).to_owned();
        say(&format!(
            "  县区看到：{value}，冲突 {} 项",
            record["conflicts"].as_array().map_or(0, Vec::len)
        ));
        value == wanted && record["conflicts"].as_array().is_some_and(Vec::is_empty)
    }

    fn all_equal(&self) -> bool {
        scene("10", "核对数据指纹", "fingerprints");
        let mut good = true;
        for district in &self.districts {
            district.settle();
            let verified = district.program.json(["verify"]);
            let equal = district.program.json(["status"])["equal"] == true;
            good &= verified["ok"] == true && equal;
            let word = if equal { "一致" } else { "不一致" };
            say(&format!("  {}：与市级{word}", district.name));
        }
        let verified = self.hub.json(["verify"]);
        good && verified["ok"] == true
    }

    fn city_table(&self) {
        scene("12", "全市指标", "the city's figures");
        let table = self.hub.run([
            "report",
            "indicators",
            "--as-of",
            "2020-09-30",
            "--year",
            "2020",
        ]);
        say(table.ok().stdout.trim_end());
    }
}

fn docket(id: &str) -> String {
    format!("organisation/{id}/operating_address")
}

fn put(program: &Program, id: &str, set: &str, reason: &str) {
    let program = program.on(TODAY);
    program.set(("organisation", id), &[set], reason).ok();
}
