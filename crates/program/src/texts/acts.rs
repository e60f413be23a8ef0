//! What steps need, what follows from them, and the programme year, by their codes.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "established_missing",
        "党组织没有成立日期。办理时不能保存，其他时候只是提醒。请先填写成立日期。",
        "The Party organisation has no day of establishment. The step is not taken; else this is a remark. Fill it in first.",
    ),
    (
        "covers_nobody",
        "党组织还没有覆盖任何单位。办理时不能保存，其他时候只是提醒。请先登记覆盖关系。",
        "The Party organisation covers nobody. The step is not taken; else this is a remark. Enter the coverage link first.",
    ),
    (
        "end_day_missing",
        "没有撤销日期。没有保存，原有内容没有变动。请随本次办理填写撤销日期。",
        "The day on which it ends is missing. Nothing was saved or changed. Give it with the step.",
    ),
    (
        "no_meeting",
        "平台还没有开过季度例会。办理时不能保存，其他时候只是提醒。请先登记第一次例会。",
        "The platform has had no quarterly meeting. The step is not taken; else this is a remark. Enter the first one.",
    ),
    (
        "start_missing",
        "已启动的载体没有启动日期。启动时不能保存，其他时候只是提醒。请填写启动日期。",
        "The carrier has no day on which it began. It is not started without one; else this is a remark. Fill it in.",
    ),
    (
        "extension_late",
        "问题已销号或已撤回，不能再申请或同意延期。没有保存，原有内容没有变动。确需继续整改的，请先重新打开。",
        "The problem is closed or withdrawn and gets no more time. Nothing was saved or changed. Reopen it first if work goes on.",
    ),
    (
        "case_eligible",
        "组建任务研判为“具备条件”，不转为选派指导员。没有保存，原有内容没有变动。请确定组建方式（plan）；条件有变的，先改研判结论。",
        "The case was judged eligible and is not left to an instructor. Nothing was saved or changed. Plan its form; where that has changed, judge it anew first.",
    ),
    (
        "case_not_eligible",
        "组建任务没有研判为“具备条件”，不能确定组建方式。没有保存，原有内容没有变动。请先研判；不具备条件的选派指导员（send_instructor）。",
        "The case was not judged eligible, so no form is planned. Nothing was saved or changed. Judge it first; to who is not ready an instructor is sent.",
    ),
    (
        "lead_unanswered",
        "任务的牵头单位在该年度没有写明责任领导职务的责任清单。已保存，只是提醒。请补登责任清单。",
        "The agency that leads the task has no responsibility of that year that names a post. It was saved; this is a remark. Enter one.",
    ),
    (
        "alias_chain",
        "责任单位并入了自己、并入了另一条已并入别处的，或者另有单位并入它。没有保存，原有内容没有变动。请并入最后保留的那一条；要换保留的，先清空原来的 alias_of。",
        "An agency was made the alias of itself, of an alias, or while others are its own. Nothing was saved or changed. Name the one that stands in the end; to change which one that is, clear alias_of of the others first.",
    ),
    (
        "life_reversed",
        "党组织的成立日期晚于撤销日期。没有保存，原有内容没有变动。请核对两个日期。",
        "The Party organisation would be established after it ended. Nothing was saved or changed. Compare the two days.",
    ),
    (
        "number_twice",
        "同一辖区有两条记录用同一个编号。已保存，只是提醒。编号不改：请在描述中写明区别；登记重复的，撤回其中一条。",
        "Two records of one scope bear one number. It was saved; this is a remark. Numbers stay: say in the text which is meant, and withdraw the one that was entered twice.",
    ),
    (
        "drive_twice",
        "同一辖区同一年度有两次未取消的集中组建活动，可能重复。已保存，只是提醒。重复的请取消其中一条；确有两次的不必处理，完成一次即达到下限。",
        "A scope has two drives of one year that are not cancelled; they may be the same. It was saved; this is a remark. Cancel the one that was entered twice; where there were two, one that was held is enough.",
    ),
    (
        "meeting_twice",
        "同一平台同一天有两次同类会议，可能重复。已保存，只是提醒。重复的请删除其中一条。",
        "A platform has two meetings of one day and kind; they may be the same. It was saved; this is a remark. Delete the one that was entered twice.",
    ),
    (
        "activity_twice",
        "同一载体同一天有两条同名的活动，可能重复。已保存，只是提醒。重复的请删除其中一条。",
        "A carrier has two activities of one day and title; they may be the same. It was saved; this is a remark. Delete the one that was entered twice.",
    ),
    (
        "problem_untasked",
        "问题还没有对应任务。已保存，只是提醒。请补登任务清单，或撤回登记有误的问题。",
        "The problem has no task yet. It was saved; this is a remark. Enter one, or withdraw a problem that is none.",
    ),
    (
        "due_not_moved",
        "同意延期没有给出更晚的时限。没有保存，原有内容没有变动。请填写新的整改时限。",
        "The extension gives no later day. Nothing was saved or changed. Give the new due day.",
    ),
    (
        "due_fixed",
        "整改时限不能直接修改。没有保存，原有内容没有变动。请申请延期；同意延期或转为长期推进时填写新的时限。",
        "The due day is not changed by itself. Nothing was saved or changed. Ask for an extension; whoever grants it, or makes it a long-term matter, gives the new day.",
    ),
    (
        "undated",
        "所填状态须有对应的日期。没有保存，原有内容没有变动。请填写该日期。",
        "The state that is entered has its day. Nothing was saved or changed. Fill in that day.",
    ),
    (
        "along_missing",
        "随所填内容应一并填写的一项没有填（批复日期、撤销日期和原因、终止原因、人数的数据日期）。人工保存时没有保存，原有内容没有变动；导入和同步的只是提醒。请一并填写。",
        "A field that goes with what is entered is missing: the day of approval, the day and reason of an end, the date of figures. A save by hand was not taken and nothing changed; of an import or an exchange this is a remark. Fill it in with it.",
    ),
    (
        "keep_over",
        "最后的任职终止已满两年。只是提醒。不再需要其姓名的，用 person erase 清除；仍是单位负责人、责任清单的责任人，或参训记录还要用的，可以不清除。",
        "The last role of the person ended two years ago or more. This is a remark. Erase the person with person erase unless an organisation still names it as its head, a list as who answers, or an attendance needs it.",
    ),
    (
        "attendance_over",
        "一期培训的参训记录已过保存期限（培训年度后三年）。只是提醒。不再需要的，用 record delete 逐条删除；各年参训率已随报表冻结，不受影响。",
        "Who attended a course is kept for three years after its year, and those are over. This is a remark. Delete the attendances that nothing needs with record delete; the rates of those years are frozen with the returns.",
    ),
    (
        "day_typed",
        "这个日期由程序随办理填写。没有保存，原有内容没有变动。请去掉这一项再保存。",
        "The program writes this day with the step. Nothing was saved or changed. Leave the field out and save again.",
    ),
    (
        "step",
        "办理过程由程序填写，所填内容不是办理过程。没有保存，原有内容没有变动。请去掉这一项；需要指定日期时用 record act --on。",
        "The program writes the steps; what was given is none. Nothing was saved or changed. Leave it out; to give a step its day use record act --on.",
    ),
    (
        "step_ahead",
        "办理最迟从今天起算。没有保存，原有内容没有变动。请改正日期，或到那一天再办理。",
        "A step holds from today at the latest. Nothing was saved or changed. Correct the day, or take the step when it has come.",
    ),
    (
        "step_dated_ahead",
        "办理过程中有还没有到的日期，到那天之前不计入指标。已保存，只是提醒。请核对登记该步的电脑的时钟，再更正日期。",
        "A step has a day that has not come, and no figure knows of it before that. It was saved; this is a remark. Look at the clock of the computer that wrote it, and correct the day.",
    ),
    (
        "step_before",
        "这一步不能早于上一步。没有保存，原有内容没有变动。请改正日期；上一步的日期不对的，先更正上一步。",
        "A step does not hold from before the step that it follows. Nothing was saved or changed. Correct the day, or that of the step before first.",
    ),
    (
        "step_two_days",
        "指定的日期与所填的日期不同。没有保存，原有内容没有变动。请只保留一个日期。",
        "The day that is given is not the one that the fields say. Nothing was saved or changed. Give one day.",
    ),
    (
        "no_step",
        "状态没有变更，或这类记录的办理不记日期。没有保存，原有内容没有变动。请去掉日期再保存。",
        "The state stays as it is, or steps of this kind have no days. Nothing was saved or changed. Leave the day out and save again.",
    ),
    (
        "closed_ahead",
        "注销或销号日期晚于今天。没有保存，原有内容没有变动。请改正日期。",
        "The day of closing is later than today. Nothing was saved or changed. Correct the date.",
    ),
    (
        "reopened_late",
        "注销的单位只能在当年恢复。没有保存，原有内容没有变动。请重新登记该单位。",
        "What was closed comes back in the same year only. Nothing was saved or changed. Enter it as a new organisation.",
    ),
    (
        "two_secretaries",
        "党组织有两名在任书记。已保存，只是提醒。请终止前任的任职。",
        "A Party organisation has two secretaries. It was saved; this is a remark. End the term of the former.",
    ),
    (
        "step_unfounded",
        "平台建设的这一步已填日期，但还缺少依据。已保存，只是提醒。请补登依据，或核对日期。",
        "A step of the building has its day but not what makes it done. It was saved; this is a remark. Enter what is missing, or see whether the day is right.",
    ),
    (
        "notice_frozen",
        "已发出的通报不再修改或删除。没有保存，原有内容没有变动。更正请另发通报。",
        "A notice that was issued is neither changed nor deleted. Nothing was saved or changed. Issue a new notice to correct it.",
    ),
    (
        "decided_frozen",
        "已登记的验收结论、已拨付的奖补不再修改或删除。没有保存，原有内容没有变动。更正结论请另登记一条；补发奖补请另登记一笔。",
        "A verdict that was entered and a reward that was paid are neither changed nor deleted. Nothing was saved or changed. Enter another verdict to correct one, another reward to add to one.",
    ),
    (
        "review_day",
        "长期推进没有下次复核日期。没有保存，原有内容没有变动。请在整改时限中填写今天之后的一天。",
        "The long-term problem has no next review. Nothing was saved or changed. Give a day after today as the due day.",
    ),
    (
        "no_verdict",
        "没有与此一致的验收结论。办理时不能保存，其他时候只是提醒。请先登记验收结论；通过和不通过的结论会一并办理申报。",
        "No verdict says the same. The step is not taken; else this is a remark. Enter the verdict: one that passes or fails takes the step with it.",
    ),
    (
        "not_received",
        "申报尚未接收。没有保存，原有内容没有变动。请先接收申报。",
        "The nomination was not received. Nothing was saved or changed. Receive it first.",
    ),
    (
        "no_visit",
        "没有抽查记录，也没有注明未经抽查。没有保存，原有内容没有变动。请登记抽查，或注明未经抽查（without_visit=true）。",
        "There is no visit, and the verdict does not say so. Nothing was saved or changed. Enter the visit, or set without_visit=true.",
    ),
    (
        "point_twice",
        "该党组织本年度已是示范点。没有保存，原有内容没有变动。请核对已有的示范点。",
        "The Party organisation is a point of the year already. Nothing was saved or changed. See the point that is there.",
    ),
    (
        "no_such_field",
        "更正建议没有写明可以更正的记录和字段。没有保存，原有内容没有变动。请核对记录和字段名。",
        "The request names no field of a record. Nothing was saved or changed. Compare the record and the name of the field.",
    ),
    (
        "answer_missing",
        "不采纳没有说明理由。没有保存，原有内容没有变动。请在答复（answer）中写明。",
        "The request is declined without a reason. Nothing was saved or changed. Say why in the answer.",
    ),
    (
        "request_outdated",
        "该项在建议提出之后已经改过。没有保存，原有内容没有变动。请不采纳并说明，或请市级按新的值重新提出。",
        "The field was changed since it was asked. Nothing was saved or changed. Decline and say so, or have the city ask anew.",
    ),
    (
        "year_archived",
        "该年度已归档，只供查阅。没有保存，原有内容没有变动。确需更正的，请市级用 year phase 恢复后再办。",
        "The year is archived and only read. Nothing was saved or changed. If it must be corrected, the city takes the year back with year phase.",
    ),
    (
        "year_settled",
        "该年度已兑现，季报已锁定。没有保存，原有内容没有变动。之后的变动在下一期作为更正列出。",
        "The year is settled and its returns are locked. Nothing was saved or changed. What changes now is a correction in the next period.",
    ),
    (
        "item_frozen",
        "已公布的条目本年度不再修改。没有保存，原有内容没有变动。请另立条目。",
        "An item that was published stays for the year. Nothing was saved or changed. Make a new item.",
    ),
    (
        "stays_ended",
        "重新登记的单位，注销时终止的关系没有恢复。已保存，只是提醒。需要的请重新登记。",
        "What had ended with the organisation stays ended. It was saved; this is a remark. Enter anew what is needed.",
    ),
    (
        "nomination_runs",
        "党组织撤销时还有申报在办理。已保存，只是提醒。未接收的请撤回，已接收的由市级决定。",
        "A nomination of the Party organisation still runs. It was saved; this is a remark. Withdraw it before the city receives it; then the city decides.",
    ),
    (
        "due_moved",
        "整改时限已延长，原时限保留在历史中。已保存，只是提醒。用 record history 查看。",
        "The due day was moved and the former one stays in the history. It was saved; this is a remark. See record history.",
    ),
    (
        "decided_before",
        "申报此前已有结论。新结论已登记，申报和示范点没有变动。需要时请把示范点转入复核。",
        "The nomination was decided before. The verdict was saved; the nomination and its point stay as they are. Put the point under review if needed.",
    ),
    (
        "effects_along",
        "随本次办理还写入了其他记录，同时生效或同时不生效。已保存，只是提醒。",
        "Other records were written with this step, all or none. It was saved; this is a remark.",
    ),
    (
        "effect_left",
        "随本次办理应变动的一条记录不能在这里填写，保持原样。其余已保存。请由归属辖区办理。",
        "A record that should have changed with the step may not be written here and stays as it is. The rest was saved. Its own scope sees to it.",
    ),
    (
        "YEAR-001",
        "没有 {year} 年度。没有改动。用 year list 查看已有的年度。",
        "There is no year {year}. Nothing has changed. See year list.",
    ),
    (
        "YEAR-002",
        "{year} 年度已经开启。没有改动。用 year show 查看。",
        "The year {year} was opened before. Nothing has changed. See year show.",
    ),
    (
        "YEAR-003",
        "{year} 年度尚未兑现，不能归档。没有改动。请先执行 year settle。",
        "The year {year} is not settled and cannot be archived. Nothing has changed. Run year settle first.",
    ),
    (
        "YEAR-004",
        "“{phase}”不是年度阶段，可以是：{phases}。没有改动。请改正后重试。",
        "\"{phase}\" is no phase of a year; it can be {phases}. Nothing has changed. Correct it and try again.",
    ),
    (
        "YEAR-005",
        "{year} 年度还有季报没有接收：{returns}。没有改动。请先办理；兑现后这些季报不能再报再收，确要兑现请用 year settle --confirm。",
        "Returns of {year} are not accepted yet: {returns}. Nothing has changed. See to them first; once settled they can be neither submitted nor accepted. To settle all the same, use year settle --confirm.",
    ),
    (
        "CHANGE-001",
        "未作说明的差异由市级登记为问题。没有登记，原有内容没有变动。请联系市级。",
        "The city registers a difference that was not explained. Nothing was registered or changed. Ask the city.",
    ),
    (
        "CHANGE-002",
        "更正建议 {id} 不是已不采纳或已逾期的数字建议，不能登记为问题。没有变动。请等待答复，或用 change list --all 核对。",
        "Request {id} is none about a figure that was declined or has expired. Nothing has changed. Wait for the answer, or see change list --all.",
    ),
    (
        "CHANGE-003",
        "整改时限 {due} 已过。没有登记。请填写今天或以后的日期。",
        "The due day {due} has passed. Nothing was registered. Give today or a later day.",
    ),
    (
        "CHANGE-004",
        "更正建议 {id} 已登记过问题 problem_item/{id}。没有再登记。",
        "Request {id} has its problem already, problem_item/{id}. No second one was made.",
    ),
    (
        "YEAR-006",
        "“{field}”不是可以按日期调整的参数，可填：{known}、work_coverage_mode。没有改动。",
        "{field} is no parameter that changes from a day on; those are {known}, work_coverage_mode. Nothing has changed.",
    ),
    (
        "YEAR-008",
        "{from} 不在 {year} 年内，{year} 年度的参数只能自当年某日起调整。没有改动。请改写 --from。",
        "{from} does not lie in {year}; a parameter of {year} changes from a day of that year. Nothing has changed. Give another --from.",
    ),
    (
        "YEAR-007",
        "“{field}”已定于 {from} 起调整，新的调整须自该日或之后起。没有改动。",
        "{field} changes from {from} already; another change begins on that day or later. Nothing has changed.",
    ),
    (
        "DOCTOR-051",
        "有 {n} 个示范点待复核，或待市级办理的申报其党组织已撤销。记录都保留着。用 point list 和 nomination list 查看；示范点用 record act demonstration_point 编号 confirm 或 revoke 办理，申报退回（return）或作出结论。",
        "{n} demonstration points are under review, or nominations wait whose Party organisation was dissolved. All are kept. See point list and nomination list; confirm or revoke a point with record act demonstration_point ID, give a nomination back (return) or enter its verdict.",
    ),
];
