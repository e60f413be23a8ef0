//! Scenes between districts: one organisation that two of them have, one that moves.

use serde_json::{Value, json};

use super::{Stage, put, say, scene, text};

impl Stage {
    /// An organisation of Jianxi is entered at Yichuan too; the city merges the two.
    pub(super) fn claim(&self) -> bool {
        scene(
            "7",
            "两个县区登记了同一单位，由市级裁定",
            "two districts have one organisation, the city rules",
        );
        let (jianxi, yichuan) = (self.district("410305"), self.district("410329"));
        let list = [
            "record",
            "list",
            "organisation",
            "--where",
            "census_status=counted",
        ];
        let known = jianxi
            .program
            .json(list.into_iter().chain(["--limit", "1"]));
        let known = &known["records"][0];
        let mut values = known["values"].clone();
        if let Some(values) = values.as_object_mut() {
            values.retain(|_, value| !value.is_null() && value.as_array().is_none());
            values.remove("town");
        }
        values["name"] = json!(format!("{}伊川分部", text(&known["values"]["name"])));
        let file = self.folder.join("claim.ndjson");
        let row = json!({ "kind": "organisation", "values": values });
        std::fs::write(&file, format!("{row}\n")).expect("a file is written");
        let file = file.to_string_lossy();
        let loaded = yichuan.program.json(["record", "load", &file]);
        let other = text(&loaded["results"][0]["id"]).to_owned();
        self.settle_all();
        let cases = self.hub.json(["claim", "list"]);
        let case = text(&cases[0]["id"]).to_owned();
        say(&format!("  市级自动立案：{}", text(&cases[0]["evidence"])));
        let survivor = format!("organisation/{}", text(&known["id"]));
        let rule = ["claim", "rule", &case, "--merge-into", &survivor];
        let ruled = self
            .hub
            .json(rule.into_iter().chain(["--reason", "同一法人，在涧西经营"]));
        self.settle_all();
        let read = self.hub.json(["record", "get", "organisation", &other]);
        say(&format!(
            "  裁定：合并；查询伊川的编号，得到的是 {} {}",
            text(&read["scope"]),
            text(&read["values"]["name"])
        ));
        let is_open = !self
            .hub
            .json(["claim", "list"])
            .as_array()
            .is_some_and(Vec::is_empty);
        !is_open && ruled["ruling"] == "merge_records" && read["id"] == known["id"]
    }

    /// An organisation moves with all that belongs to it; an edit comes too late.
    pub(super) fn transfer(&self) -> bool {
        scene(
            "8",
            "单位迁到另一县区，迟到的修改由新辖区答复",
            "an organisation moves, a late edit is answered by its new home",
        );
        let (from, to) = (self.district("410302"), self.district("410305"));
        let links = from
            .program
            .json(["record", "list", "coverage_link", "--limit", "1"]);
        let id = text(&links["records"][0]["values"]["organisation"]).to_owned();
        let record = format!("organisation/{id}");
        let ask = [
            "transfer",
            "request",
            &record,
            "--to",
            to.code,
            "--reason",
            "注册地迁移",
        ];
        let asked = from.program.json(ask);
        let request = text(&asked["id"]).to_owned();
        let locked = ["record", "put", "organisation", &id, "--set", "remark=x"];
        let locked = locked.into_iter().chain(["--reason", "核实", "--json"]);
        let locked = from.program.on(super::TODAY).run(locked).json()["error"]["code"].clone();
        say(&format!(
            "  {}申请；办结前只能查看，修改被退回：{locked}",
            from.name
        ));
        let cancel = ["transfer", "cancel", &request, "--reason", "等市级裁定"];
        from.program.run(cancel).ok();
        self.settle_all();
        say(&format!("  {}撤回申请，照常填报，随后断线", from.name));
        from.line.cut();
        put(&from.program, &id, "remark=断线时的修改", "补充情况");
        let rule = ["transfer", "rule", &record, "--to", to.code];
        let done = self
            .hub
            .json(rule.into_iter().chain(["--reason", "实际已在涧西经营"]));
        from.line.mend();
        self.settle_all();
        let late = to.program.json(["proposal", "list"]);
        say(&format!(
            "  市级裁定：{} 条记录变更归属，其下的随之迁移；迟到的修改列给{}：{}",
            done["moved"], to.name, late[0]["values"]
        ));
        let proposal = text(&late[0]["id"]).to_owned();
        let accept = ["proposal", "accept", &proposal, "--reason", "属实"];
        to.program.run(accept).ok();
        self.settle_all();
        let read = self.hub.json(["record", "get", "organisation", &id]);
        let link = text(&links["records"][0]["id"]);
        let below = self.hub.json(["record", "get", "coverage_link", link]);
        say(&format!(
            "  采纳之后，市级看到：{}，归 {}",
            read["values"]["remark"],
            text(&read["scope"])
        ));
        let is_there = |document: &Value| document["scope"] == to.code;
        locked == "move_locked"
            && read["values"]["remark"] == "断线时的修改"
            && is_there(&read)
            && is_there(&below)
    }
}
