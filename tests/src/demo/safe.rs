//! Scenes about loss: a district goes back to an old backup, and a certificate says that nothing
//! is gone.

use std::collections::BTreeMap;

use domain::Catalogue;
use serde_json::{Value, json};

use super::{Stage, put, say, stage::quote, text};
use crate::programs::Program;

/// The district that goes back.
const CODE: &str = "410305";

/// An edit that must be there at the end.
struct Edit {
    who: &'static str,
    organisation: String,
    remark: &'static str,
}

impl Edit {
    fn save(&self, program: &Program) {
        let set = format!("remark={}", self.remark);
        put(&program.by(self.who), &self.organisation, &set, "日常填报");
    }

    /// Whether a program has it, as the one value of its field.
    fn stands_at(&self, program: &Program) -> bool {
        let record = program.json(["record", "get", "organisation", &self.organisation]);
        text(&record["values"]["remark"]) == self.remark && record["conflicts"] == json!([])
    }
}

impl Stage {
    /// The backup that the district will go back to; the day's work is still to come.
    pub(super) fn backup(&self) {
        say("  涧西区做一次备份：");
        let jianxi = &self.district(CODE).program;
        quote(&jianxi.run(["backup", &self.path("涧西区.backup")]));
    }

    /// The district is put back to that backup, and has everything again.
    pub(super) fn restored(&mut self) -> bool {
        let [sent, of_city, unsent, on_copy] = self.edits();
        sent.save(&self.district(CODE).program);
        of_city.save(&self.hub);
        self.district(CODE).settle();
        let good = self.look_first(&unsent);
        let mut before = contents(&self.district(CODE).program);
        let edits = [sent, of_city, unsent];
        let good = self.put_back(&edits, &on_copy) && good;
        self.settle_all();
        let jianxi = &self.district(CODE).program;
        let mut after = contents(jianxi);
        // What the copy wrote is new; all else must be as it was.
        let place = ("organisation".to_owned(), on_copy.organisation.clone());
        let same = before.remove(&place).is_some() && after.remove(&place).is_some();
        let same = same && before == after;
        let mut lost = 0;
        for edit in edits.iter().chain([&on_copy]) {
            let stands = edit.stands_at(jianxi) && edit.stands_at(&self.hub);
            lost += usize::from(!stands);
            let word = if stands { "两边都在" } else { "丢了" };
            say(&format!("  {}填的“{}”：{word}", edit.who, edit.remark));
        }
        let word = if same { "相同" } else { "不同" };
        let count = before.len();
        say(&format!("  其余 {count} 条记录与恢复之前逐条比较：{word}"));
        good && same && lost == 0 && self.is_equal()
    }

    /// The edits of this scene, each of an organisation of its own.
    fn edits(&self) -> [Edit; 4] {
        let list = ["record", "list", "organisation", "--limit", "12"];
        let all = self
            .district(CODE)
            .program
            .json(list.into_iter().chain(["--scope", CODE]));
        let edit = |at: usize, who, remark| Edit {
            who,
            organisation: text(&all["records"][at]["id"]).to_owned(),
            remark,
        };
        [
            edit(8, "张工", "备份之后，已送达市级"),
            edit(9, "市级", "备份之后，市级填写"),
            edit(10, "李工", "备份之后，恢复前还没有送达"),
            edit(11, "王工", "恢复之后，联网之前"),
        ]
    }

    /// Before anything is put back, the programs say what would be gone; so that is sent first.
    fn look_first(&self, unsent: &Edit) -> bool {
        let jianxi = self.district(CODE);
        let file = self.path("涧西区.backup");
        let look = ["restore", file.as_str(), "--dry-run"];
        jianxi.line.cut();
        unsent.save(&jianxi.program);
        say("  恢复之前先看（有一处修改还没有送达）：");
        let warned = jianxi.program.json(look);
        quote(&jianxi.program.run(look));
        jianxi.line.mend();
        jianxi.settle();
        say("  联网送达之后再看：");
        let ready = jianxi.program.json(look);
        quote(&jianxi.program.run(look));
        let names_it = warned["nowhere_else"].as_array().is_some_and(|only| {
            let [only] = only.as_slice() else {
                return false;
            };
            only["record"] == unsent.organisation && only["fields"] == json!(["remark"])
        });
        let lacks = &ready["lacks"]["writes"];
        names_it
            && ready["nowhere_else"] == json!([])
            && lacks.as_u64() > Some(0)
            && ready["from_peers"] == *lacks
    }

    /// Stops the district, restores it and works on it without a line; then it serves again.
    fn put_back(&mut self, edits: &[Edit], on_copy: &Edit) -> bool {
        let file = self.path("涧西区.backup");
        let jianxi = self.district_mut(CODE);
        let stopped = jianxi.stop();
        say("  程序已停止，恢复备份：");
        quote(&jianxi.program.run(["restore", &file]));
        jianxi.line.cut();
        let is_old = edits.iter().all(|edit| !edit.stands_at(&jianxi.program));
        let word = if is_old { "都不在" } else { "还在" };
        say(&format!("  联网之前，备份之后的修改{word}；照常填报一处"));
        on_copy.save(&jianxi.program);
        jianxi.start();
        jianxi.line.mend();
        say("  程序重新运行，线路接通，自动与市级核对补齐");
        stopped && is_old
    }

    /// Whether the district's records, journals and history are sound and equal to the city's.
    fn is_equal(&self) -> bool {
        let jianxi = &self.district(CODE).program;
        say("  核对：");
        quote(&jianxi.run(["verify"]));
        let verified = jianxi.json(["verify"]);
        let compared = verified["compared"].as_array();
        let is_equal = |all: &Vec<Value>| {
            !all.is_empty() && all.iter().all(|compared| compared["equal"] == true)
        };
        verified["ok"] == true && compared.is_some_and(is_equal)
    }

    /// The district and the city sign that nothing was lost; the city's program checks the file.
    pub(super) fn certificate(&self) -> bool {
        let file = self.path("涧西区.cert");
        let jianxi = &self.district(CODE).program;
        let made = jianxi.json(["certificate", "make", &file]);
        say("  涧西区与市级同时签发，由市级程序核对文件：");
        let verify = ["certificate", "verify", &file];
        let said = self.hub.run(verify);
        quote(&said);
        let checked = self.hub.json(verify);
        // The same file with one bit turned over.
        let mut bytes = std::fs::read(&file).expect("the certificate was written");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let altered = self.path("改动过的.cert");
        std::fs::write(&altered, bytes).expect("a file is written");
        let refused = self.hub.run(["certificate", "verify", &altered]);
        say("  改动一个比特之后：");
        quote(&refused);
        made["true"] == true
            && made["scope"] == CODE
            && said.code == 0
            && checked == made
            && refused.code != 0
    }
}

/// Every record that a program shows, by kind and id: where it belongs, its values, its conflicts.
fn contents(program: &Program) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for kind in Catalogue::builtin().kinds() {
        let list = program.json(["record", "list", &kind.id]);
        for record in list["records"].as_array().into_iter().flatten() {
            let said = json!([record["scope"], record["values"], record["conflicts"]]);
            all.insert((kind.id.clone(), text(&record["id"]).to_owned()), said);
        }
    }
    all
}
