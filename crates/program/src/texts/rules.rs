//! The rules of records by their codes, for the page of errors. What a rule finds brings its own
//! sentence, which names the field and the values; this table says what the code means in general.
//!
//! What is refused says that nothing was saved; what is only remarked on was saved.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "required",
        "必填的一项没有填。缺少名称、代码这类决定记录身份的项不能保存，其他的已保存并列为待补。请补填。",
        "A required field is empty. Without what makes the record what it is nothing was saved; the rest was saved and is asked for. Fill it in.",
    ),
    (
        "malformed",
        "现有内容无法识别。没有保存，原有内容没有变动。请先升级程序，或联系市级。",
        "The present content cannot be read. Nothing was saved or changed. Upgrade the program or ask the city.",
    ),
    (
        "unknown_field",
        "这一类记录没有这一项。没有保存，原有内容没有变动。请核对字段名。",
        "Records of this kind have no such field. Nothing was saved or changed. Compare the name of the field.",
    ),
    (
        "set_form",
        "--set 没有写成 字段=值。没有保存，原有内容没有变动。请改正后重试。",
        "--set is not written field=value. Nothing was saved or changed. Correct it and try again.",
    ),
    (
        "too_many",
        "这一项填的个数太多。没有保存，原有内容没有变动。请减少后重试。",
        "The field holds too many items. Nothing was saved or changed. Give fewer and try again.",
    ),
    (
        "too_long",
        "文字太长。没有保存，原有内容没有变动。请缩短后重试。",
        "The text is too long. Nothing was saved or changed. Shorten it and try again.",
    ),
    (
        "control",
        "文字里有不可见的控制字符。没有保存，原有内容没有变动。请重新输入这一项。",
        "The text holds a control character. Nothing was saved or changed. Type the field anew.",
    ),
    (
        "flag",
        "这一项只能填是或否。没有保存，原有内容没有变动。请改正后重试。",
        "The field is yes or no. Nothing was saved or changed. Correct it and try again.",
    ),
    (
        "date",
        "不是完整的日期。没有保存，原有内容没有变动。请写成 2020-09-30 的形式。",
        "It is no complete date. Nothing was saved or changed. Write it like 2020-09-30.",
    ),
    (
        "division",
        "不是区划代码。没有保存，原有内容没有变动。请填 6 位辖区代码或 9 位乡镇代码。",
        "It is no code of a division. Nothing was saved or changed. Give six digits of a scope or nine of a town.",
    ),
    (
        "count",
        "不是允许范围内的整数。没有保存，原有内容没有变动。请改正后重试。",
        "It is no whole number within the limits. Nothing was saved or changed. Correct it and try again.",
    ),
    (
        "enum",
        "不是可选的内容。没有保存，原有内容没有变动。请从列出的内容中选一个。",
        "It is none of the values to choose from. Nothing was saved or changed. Choose one of those that are named.",
    ),
    (
        "reference_not_found",
        "找不到要引用的记录。没有保存，原有内容没有变动。请核对编号、代码或名称，或先登记那条记录。",
        "The record referred to is not found. Nothing was saved or changed. Compare its id, code or name, or enter that record first.",
    ),
    (
        "form",
        "内容的形式与这一项不符。没有保存，原有内容没有变动。请改正后重试。",
        "The value has not the form of the field. Nothing was saved or changed. Correct it and try again.",
    ),
    (
        "uscc_bad",
        "统一社会信用代码校验不通过：位数、字符或末位校验码不对。没有保存，原有内容没有变动。请对照营业执照或登记证书改正；还没有代码的，清空这一项并在备注中说明原因。",
        "The credit code fails its check: its length, a character or the check character is wrong. Nothing was saved or changed. Compare the licence; where there is no code yet, clear the field and give the reason in the remark.",
    ),
    (
        "uscc_missing",
        "没有统一社会信用代码，备注也是空的。没有保存，原有内容没有变动。请填写代码；还没有代码的，在备注中说明原因。",
        "There is no credit code and the remark is empty. Nothing was saved or changed. Fill in the code, or give the reason in the remark.",
    ),
    (
        "uscc_subject",
        "信用代码第 9 至 17 位的主体标识码校验不通过。已保存，只是提醒。请对照证照核对。",
        "The subject code within the credit code fails its own check. It was saved; this is a remark. Compare the licence.",
    ),
    (
        "uscc_kind",
        "信用代码前两位与组织类型不一致。已保存，只是提醒。请核对代码和组织类型。",
        "The first two characters of the credit code do not fit the kind. It was saved; this is a remark. Compare both.",
    ),
    (
        "uscc_region",
        "信用代码第 3 至 8 位不是已知的区划代码。已保存，只是提醒。请核对代码。",
        "Characters 3 to 8 of the credit code are no division known here. It was saved; this is a remark. Compare the code.",
    ),
    (
        "uscc_dup",
        "这个信用代码已在另一条在册记录中登记。已保存，全市只计一次。由市级裁定，见 claim list。",
        "The credit code is on the ledger in another record. It was saved and counts once in the city. The city rules; see claim list.",
    ),
    (
        "name_dup",
        "本辖区已有同名且没有信用代码的单位，可能重复。已保存，只是提醒。请核对是不是同一家。",
        "The scope has another organisation of this name without a code. It was saved; this is a remark. See whether it is the same.",
    ),
    (
        "full_members_over_members",
        "正式党员数大于党员数。没有保存，原有内容没有变动。请核对两项数字。",
        "There are more full members than members. Nothing was saved or changed. Compare both figures.",
    ),
    (
        "members_over_employees",
        "党员数大于从业人员数与组织关系不在本单位的党员数之和。没有保存，原有内容没有变动。请核对数字。",
        "There are more members than employees and members elsewhere together. Nothing was saved or changed. Compare the figures.",
    ),
    (
        "status_needs",
        "这一排查状态下有一项必须填写。没有保存，原有内容没有变动。请补填后重试。",
        "This status needs a field that is empty. Nothing was saved or changed. Fill it in and try again.",
    ),
    (
        "industry_letter",
        "行业门类不是字母 A 至 T。已保存，只是提醒。请按国民经济行业分类改正。",
        "The industry is no letter from A to T. It was saved; this is a remark. Correct it after GB/T 4754.",
    ),
    (
        "joint_with_3plus",
        "正式党员人数已够单独组建党组织。已保存，只是提醒。请研究是否单独组建。",
        "It has enough full members for a Party organisation of its own. It was saved; this is a remark. See whether one should be set up.",
    ),
    (
        "branch_large",
        "支部党员人数偏多。已保存，只是提醒。请核对人数，或研究分设。",
        "The branch has many members. It was saved; this is a remark. Compare the figure, or consider a second branch.",
    ),
    (
        "host_missing",
        "挂靠建没有填写依托单位或依托的上级党组织。没有保存，原有内容没有变动。请补填。",
        "An affiliated Party organisation names no host. Nothing was saved or changed. Name the host organisation or the host Party organisation.",
    ),
    (
        "approval_slow",
        "请示至批复的时间偏长。已保存，只是提醒。请核对两个日期。",
        "The approval took long. It was saved; this is a remark. Compare the two dates.",
    ),
    (
        "election_due",
        "已到换届时间。已保存，只是提醒。请安排换届，或更新换届日期。",
        "An election is due. It was saved; this is a remark. Hold it, or bring the date up to date.",
    ),
    (
        "standalone_members",
        "单独建的正式党员人数不够。覆盖关系早于数据日期的只是提醒，其余不能保存。请核对人数和组建方式。",
        "A Party organisation of its own needs more full members. It is only a remark where the link is older than the figures; else nothing is saved. Compare the figure and the form.",
    ),
    (
        "joint_many",
        "联合支部覆盖的单位偏多。已保存，只是提醒。请核对覆盖关系。",
        "The joint branch covers many organisations. It was saved; this is a remark. Look at its links.",
    ),
    (
        "link_dates",
        "覆盖关系的终止日期早于起始日期。没有保存，原有内容没有变动。请改正日期。",
        "The link ends before it begins. Nothing was saved or changed. Correct the dates.",
    ),
    (
        "link_overlap",
        "这家单位与这个党组织在这段时间已有覆盖关系。没有保存，原有内容没有变动。请改用原有的那一条，或改正日期。",
        "The two are linked in that time already. Nothing was saved or changed. Use the link that there is, or correct the dates.",
    ),
    (
        "link_before_party",
        "覆盖关系的起始日期早于党组织成立日期。没有保存，原有内容没有变动。请改正日期。",
        "The link begins before the Party organisation was established. Nothing was saved or changed. Correct the date.",
    ),
    (
        "link_after_party",
        "党组织撤销之后覆盖关系还没有终止。没有保存，原有内容没有变动。请先终止覆盖关系，或改正日期。",
        "The link goes on after the Party organisation was dissolved. Nothing was saved or changed. End the link first, or correct the date.",
    ),
    (
        "same_circle",
        "同一人的关联绕成了圈。没有保存，原有内容没有变动。只从一条记录指向另一条，被指向的不再指回来。",
        "The links of one person go in a circle. Nothing was saved or changed. Let one entry name the other, and that one name none of them.",
    ),
    (
        "former",
        "此前的数值由程序随保存填写，不能填写，文件里的也须完整。没有保存，原有内容没有变动。请去掉这一项。",
        "The program writes former values with each save; nobody types them, and those of a file must be whole. Nothing was saved or changed. Leave them out.",
    ),
    (
        "as_of_back",
        "已有更晚日期的数据，不能用更早的替换。没有保存，原有内容没有变动。确是原来的日期填错的，先只改日期，再改数据；导入的行请删去或改用新数据。",
        "Figures of a later day stand, and earlier ones do not replace them. Nothing was saved or changed. Where the later day is wrong, mend the day alone first, then the figures; leave such a row out of an import.",
    ),
    (
        "as_of_future",
        "数据日期晚于本机时钟的明天。没有保存，原有内容没有变动。请核对日期，或校准本机时钟。",
        "The date of the figures is later than tomorrow by this machine's clock. Nothing was saved or changed. Correct the date or the clock.",
    ),
    (
        "as_of_old",
        "数据日期过早。已保存，只是提醒。请更新数据。",
        "The figures are of long ago. They were saved; this is a remark. Bring them up to date.",
    ),
    (
        "held_in_future",
        "已完成的活动没有不晚于今天的日期。没有保存，原有内容没有变动。请改正日期或状态。",
        "What was held has no date up to today. Nothing was saved or changed. Correct the date or the status.",
    ),
    (
        "move_locked",
        "该单位正在迁移，办结前只能查看。没有保存，原有内容没有变动，仍计入原辖区。请等市级办结；要修改请先用 transfer cancel 撤回申请。",
        "The organisation is in transfer and only read until that is over. Nothing was saved or changed, and it counts where it was. Wait for the city; to change it, take the request back with transfer cancel.",
    ),
    (
        "move_unasked",
        "“迁移中”由迁移申请带来，不能直接填写。没有保存，原有内容没有变动。请用 transfer request 提出迁移。",
        "\"In transfer\" comes with a request and is not filled in. Nothing was saved or changed. Ask for the move with transfer request.",
    ),
    (
        "move_waits",
        "迁移申请还在办理，“迁移中”随申请办结。没有保存，原有内容没有变动。请等市级办结；不迁了请用 transfer cancel 撤回。",
        "The request still waits, and \"In transfer\" ends with it. Nothing was saved or changed. Wait for the city, or take the request back with transfer cancel.",
    ),
    (
        "step_against",
        "状态不能这样变更。没有保存，原有内容没有变动。请按规定的步骤变更。",
        "The status does not go that way. Nothing was saved or changed. Take the steps that lead there.",
    ),
    (
        "step_skips",
        "状态变更跳过了中间的步骤。已保存，只是提醒。请核对是否漏填了中间的变更。",
        "The status has skipped a step. It was saved; this is a remark. See whether a change in between was left out.",
    ),
    (
        "step_missing",
        "状态要逐步办理，不能跳过中间的步骤。没有保存，原有内容没有变动。请按提示先办下一步。",
        "The status moves step by step and skips none. Nothing was saved or changed. Take the step that is named first.",
    ),
    (
        "nobody_named",
        "培训已完成，没有参训名单。已保存，只是提醒。请补登参训记录。",
        "The session was held and nobody is on its list. It was saved; this is a remark. Enter who attended.",
    ),
    (
        "planned_members",
        "拟单独建的单位正式党员人数不够。确定为单独建时不能保存，其他时候只是提醒。请核对人数和拟建方式。",
        "What is planned as standalone has too few full members. The plan is not saved; else this is a remark. Compare the figure and the form.",
    ),
    (
        "superseded",
        "这一项原有待处理的冲突，这次填写取代了各方的值。已保存，原值都在历史里。请用 record history 查看。",
        "A conflict of the field was open, and what was entered has replaced all sides. It was saved and the former values are in the history. See record history.",
    ),
    (
        "recoded",
        "区划代码已变更，按现行代码保存。已保存，只是提醒。以后请用现行代码。",
        "The code of the division has changed and the present one was saved. This is a remark. Use the present code from now on.",
    ),
    (
        "scope_other",
        "所填辖区与记录所在辖区不同。没有保存，原有内容没有变动。请在该辖区建立，或改正辖区。",
        "The scope that is named is not the one the record lies in. Nothing was saved or changed. Make it in that scope, or correct the scope.",
    ),
    (
        "phone",
        "电话号码的形式不对。没有保存，原有内容没有变动。请写成 0379-00000000 这样的号码。",
        "It is no telephone number. Nothing was saved or changed. Write a number like 0379-00000000.",
    ),
    (
        "gap",
        "该单位尚未覆盖，也没有在派的指导员。已保存，只是提醒。请组建党组织或选派指导员。",
        "Neither a Party organisation nor an instructor is there. It was saved; this is a remark. Set one up, or assign an instructor.",
    ),
    (
        "instructor_load",
        "指导员负责的单位偏多。已保存，只是提醒。请研究是否分担。",
        "The instructor has many organisations. It was saved; this is a remark. Consider sharing them out.",
    ),
    (
        "role_not_held",
        "参训人员当日未任所填职务。已保存，只是提醒。请核对任职记录或参训身份。",
        "The person did not hold the role on the day. It was saved; this is a remark. Compare the role assignment or the role.",
    ),
    (
        "fewer_than_named",
        "填报人数少于名单人数。已保存，只是提醒。请核对人数和名单。",
        "Fewer were declared than are on the list. It was saved; this is a remark. Compare the figure and the list.",
    ),
    (
        "form_missing",
        "已定方式的组建任务没有拟建方式。没有保存，原有内容没有变动。请补填拟建方式。",
        "The case has no planned form. Nothing was saved or changed. Fill in the planned form.",
    ),
    (
        "result_missing",
        "已建立的组建任务没有建成的党组织。没有保存，原有内容没有变动。请补填建成的党组织。",
        "The established case names no Party organisation. Nothing was saved or changed. Name the Party organisation.",
    ),
    (
        "no_instructor",
        "该单位没有在派的指导员。办理时不能保存，其他时候只是提醒。请先登记指导员选派。",
        "The organisation has no instructor. The step is not taken; else this is a remark. Record the assignment first.",
    ),
    (
        "mode_missing",
        "筹建平台没有确定组建方式。没有保存，原有内容没有变动。请先填写组建方式。",
        "The platform has no mode yet. Nothing was saved or changed. Fill in the mode first.",
    ),
    (
        "step_open",
        "已建成的平台缺建设步骤的完成日期。没有保存，原有内容没有变动。请补齐四步的完成日期。",
        "A step of the platform has no date. Nothing was saved or changed. Fill in the dates of all four steps.",
    ),
    (
        "built_early",
        "平台建成日期早于最后一步。没有保存，原有内容没有变动。请核对建成日期。",
        "The platform was built before its last step. Nothing was saved or changed. Compare the day on which it was built.",
    ),
    (
        "claimer_missing",
        "已认领的需求没有认领单位。没有保存，原有内容没有变动。请补填认领单位。",
        "A claimed need says not who claimed it. Nothing was saved or changed. Fill in who claimed it.",
    ),
    (
        "day_missing",
        "已办结的需求没有办结日期。没有保存，原有内容没有变动。请补填办结日期。",
        "A need that is met says not when. Nothing was saved or changed. Fill in the day.",
    ),
    (
        "no_evidence",
        "申请销号没有佐证，也没有同时写明整改结果。没有保存，原有内容没有变动。请附佐证，或随申请在整改措施中写明结果（原内容留在历史中）。",
        "The problem has neither evidence nor a statement. Nothing was saved or changed. Attach evidence, or write with the step, as the measure, what was done; the plan stays in the history.",
    ),
    (
        "party_not_active",
        "申报的党组织不在正常运行。县区已保存，只是提醒；市级不能接收。请核对党组织状态。",
        "The Party organisation that is nominated is not active. A district has saved it as a remark; the city cannot receive it. Compare its status.",
    ),
    (
        "nominated_twice",
        "该党组织本年度已有申报。县区已保存，只是提醒；市级不能接收。请撤回其中一项。",
        "The Party organisation is nominated in the year already. A district has saved it as a remark; the city cannot receive it. Withdraw one of the two.",
    ),
    (
        "outside_window",
        "不在申报期内。没有保存，原有内容没有变动。请在申报期内办理。",
        "Nominations are not open. Nothing was saved or changed. Do it while they are.",
    ),
    (
        "not_scored",
        "有标准没有评分。办理时不能保存，其他时候只是提醒。请补齐自评分和县区评分。",
        "Some items are not scored. The step is not taken; else this is a remark. Fill in the self scores and the district scores.",
    ),
    (
        "no_rank",
        "推荐没有次序。没有保存，原有内容没有变动。请填写推荐次序。",
        "The recommendation has no rank. Nothing was saved or changed. Fill in the rank.",
    ),
    (
        "rank_taken",
        "推荐次序重复。推荐时不能保存；已推荐的只是提醒，市级不能接收。请改正次序。",
        "The rank is taken by another nomination. Nothing is recommended with it; of what was recommended it is a remark, and the city cannot receive it. Correct the rank.",
    ),
    (
        "beyond_cap",
        "推荐超出名额。县区已保存，只是提醒；市级不能接收。请按次序取舍，其余退回。",
        "The recommendation is beyond the places of the year. A district has saved it as a remark; the city cannot receive it. Choose by rank and return the rest.",
    ),
    (
        "due_missing",
        "限期整改没有期限。没有保存，原有内容没有变动。请填写整改期限。",
        "The conditional verdict has no date. Nothing was saved or changed. Say until when.",
    ),
    (
        "no_reason",
        "通报批评没有原因。没有保存，原有内容没有变动。请选择至少一项原因。",
        "The criticism has no reason. Nothing was saved or changed. Choose at least one of the three.",
    ),
    (
        "no_audience",
        "通报批评没有发送范围。没有保存，原有内容没有变动。请确定发送范围。",
        "The criticism has no audience. Nothing was saved or changed. Say to whom it goes.",
    ),
];
