//! The demo, as people start it.

use std::process::Command;

#[test]
fn the_demo_comes_out_as_it_must() {
    let ran = Command::new(env!("CARGO_BIN_EXE_demo")).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let error = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{said}\n{error}");
    // Each scene that the demo is there for, by what only its good end says.
    let ends = [
        "裁定：合并",
        "采纳之后，市级看到：\"断线时的修改\"，归 410305",
        "李工填的“备份之后，恢复前还没有送达”：两边都在",
        "条记录与恢复之前逐条比较：相同",
        "证书成立：辖区 410305",
        "演示完成",
    ];
    for end in ends {
        assert!(said.contains(end), "not said: {end}\n{said}");
    }
}
