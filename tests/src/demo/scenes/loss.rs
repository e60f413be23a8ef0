//! A district that goes back to an old backup.

use super::{Checks, DAY, Stage, firm, say};

/// Organisations that its edits are spread over.
const FIRMS: u32 = 12;

/// R16.
pub(super) fn restored_backup(stage: &mut Stage, checks: &mut Checks) {
    let jianxi = stage.district_mut("410305");
    let office = jianxi.program.on(DAY);
    for n in 1..=FIRMS {
        let id = office.make("organisation", &firm("410305", n));
        assert!(!id.is_empty(), "an organisation has an id");
    }
    jianxi.settle();
    say("  涧西区有12家单位，已与市级一致");
    stage.backup();
    let restored = stage.restored();
    checks.see(restored, "恢复之前、之后的修改都在，与市级逐条相同");
    let proved = stage.certificate();
    checks.see(proved, "双方签名的证书成立：没有丢失");
}
