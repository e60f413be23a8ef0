//! The sentences of records, conflicts, reports and authority.

/// Code, Chinese, English.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "RECORD-001",
        "没有名为“{kind}”的记录类型。数据没有变动。可用的类型：{known}。",
        "There is no record kind \"{kind}\". Nothing has changed. There are: {known}.",
    ),
    (
        "RECORD-002",
        "“{id}”不是 {kind} 的编号，也不是已知的代码或唯一的名称。数据没有变动。请用 record list {kind} 查找编号。",
        "\"{id}\" is no id of {kind}, no code and no name that only one has. Nothing has changed. Look it up with record list {kind}.",
    ),
    (
        "RECORD-003",
        "没有这条记录：{kind} {id}。数据没有变动。请用 record list {kind} 核对编号；刚填报的记录可能还没有同步到这里。",
        "There is no record {kind} {id}. Nothing has changed. Check the id with record list {kind}; a new record may not have arrived here yet.",
    ),
    (
        "RECORD-004",
        "没有代码或名称为“{scope}”的辖区。数据没有变动。请用 record list scope 查看辖区。",
        "There is no scope with the code or name \"{scope}\". Nothing has changed. See record list scope.",
    ),
    (
        "RECORD-005",
        "--seen 的内容不完整或无法识别。没有保存，原有内容没有变动。请重新读取记录，整段复制 seen。",
        "The --seen token is not whole or cannot be read. Nothing was saved or changed. Read the record again and copy all of its seen.",
    ),
    (
        "RECORD-006",
        "--seen 属于另一条记录。没有保存，原有内容没有变动。请读取要修改的记录，使用它的 seen。",
        "The --seen token is of another record. Nothing was saved or changed. Read the record you mean and use its seen.",
    ),
    (
        "RECORD-007",
        "没有填写理由，或理由无法识别（最多 5000 字）。没有保存，原有内容没有变动。请用 --reason 说明理由。",
        "The reason is missing or cannot be read (5,000 characters at most). Nothing was saved or changed. Give it with --reason.",
    ),
    (
        "RECORD-008",
        "编号 {id} 与记录的关键字段不符：这类记录的编号由关键字段算出。没有保存，原有内容没有变动。请不写编号，或改正关键字段。",
        "The id {id} is not the one that the key fields give. Nothing was saved or changed. Leave the id out, or correct the key fields.",
    ),
    (
        "RECORD-009",
        "没有指明要写的字段。没有保存，原有内容没有变动。请用 --set 字段=值。",
        "No field was given. Nothing was saved or changed. Use --set field=value.",
    ),
    (
        "RECORD-011",
        "这一行不是 JSON 对象（{detail}）。这一行没有写入，其他行不受影响。请改正后重新载入。",
        "The line is no JSON object ({detail}). It was not written; other lines are not touched. Correct it and load again.",
    ),
    (
        "RECORD-012",
        "这一行超过 {max} 字节。这一行没有写入，其他行不受影响。请缩短后重新载入。",
        "The line has more than {max} bytes. It was not written; other lines are not touched. Shorten it and load again.",
    ),
    (
        "RECORD-013",
        "这一行缺少 kind 或 values。这一行没有写入，其他行不受影响。每行是一个 JSON 对象，须有 kind 和 values，id 可省。",
        "The line lacks kind or values. It was not written; other lines are not touched. A line is one JSON object with kind and values; id may be left out.",
    ),
    (
        "RECORD-014",
        "内容无法识别。没有保存，原有内容没有变动。请升级程序，或联系支持人员。",
        "The content cannot be read. Nothing was saved or changed. Upgrade the program, or ask for help.",
    ),
    (
        "RECORD-015",
        "记录没有“{field}”这一项。数据没有变动。请用 record get 查看字段名。",
        "The record has no field \"{field}\". Nothing has changed. See the names with record get.",
    ),
    (
        "RECORD-016",
        "记录 {kind} {id} 的新建被退回，现在没有这条记录。退回的内容完整保留，数据没有变动。请用 refusal list --all 查看原因，改正后用 refusal retry 重新提交。",
        "The making of {kind} {id} was refused, so there is no such record now. Its text is kept whole, and nothing has changed. See why with refusal list --all, then correct it or submit it again with refusal retry.",
    ),
    (
        "ACT-001",
        "“{act}”不能用于当前状态，现在可以：{acts}。没有保存，原有内容没有变动。请用 record acts 查看后续操作。",
        "{act} does not follow from the present state; what does: {acts}. Nothing was saved or changed. See record acts.",
    ),
    (
        "CONFLICT-001",
        "“{id}”不是冲突的编号。没有保存，原有内容没有变动。请从 conflict list 复制编号，形式为 类型/编号/字段。",
        "\"{id}\" is no id of a conflict. Nothing was saved or changed. Copy it from conflict list: KIND/ID/FIELD.",
    ),
    (
        "CONFLICT-002",
        "这一项没有待处理的冲突：{id}。没有保存，原有内容没有变动。可能已有人处理，请用 record history 查看。",
        "No conflict is open there: {id}. Nothing was saved or changed. Somebody may have decided it; see record history.",
    ),
    (
        "CONFLICT-003",
        "{author} 填写了其中一个值，不能由本人处理。没有保存，各个值都保留着。请由其他人处理。",
        "{author} wrote one of the values and may not decide between them. Nothing was saved; all values are kept. Have somebody else decide.",
    ),
    (
        "CONFLICT-004",
        "没有第 {n} 个值，共有 {max} 个。没有保存，各个值都保留着。请用 conflict show 查看序号。",
        "There is no candidate {n}; there are {max}. Nothing was saved; all values are kept. See the numbers with conflict show.",
    ),
    (
        "CONFLICT-005",
        "只有可填多项的字段才能两者都留。没有保存，各个值都保留着。请采用其一（take），或另行填写（edit）。",
        "Only a field that holds several items can keep both. Nothing was saved; all values are kept. Take one, or enter another value with edit.",
    ),
    (
        "CONFLICT-006",
        "“{field}”不属于这一冲突。没有保存，各个值都保留着。请只填写有冲突的字段；针对删除的冲突请用 take。",
        "\"{field}\" is not part of this conflict. Nothing was saved; all values are kept. Set only the fields in conflict; against a deletion use take.",
    ),
    (
        "CONFLICT-007",
        "这项决定之后又有人改过，不能撤销：{later}。没有保存，现有内容没有变动。请直接填写新值，或先处理现在的值。",
        "Later writes have replaced this decision, so it cannot be undone: {later}. Nothing was saved or changed. Enter another value, or settle what stands now.",
    ),
    (
        "CONFLICT-008",
        "这一项没有可以撤销的决定：{id}。没有保存，原有内容没有变动。请用 conflict list --state decided 查看已处理的冲突。",
        "No decision stands there that could be undone: {id}. Nothing was saved or changed. See conflict list --state decided.",
    ),
    (
        "CONFLICT-009",
        "“{date}”不是今天之后的日期。没有保存，冲突仍待处理。请写今天之后的一天，如 {example}。",
        "\"{date}\" is no date after today. Nothing was saved; the conflict stays open. Write a day to come, like {example}.",
    ),
    (
        "CONFLICT-010",
        "这一项有几个决定并存，不知道撤销哪一个：{ids}。没有保存，各个值都保留着。请用其中一个决定的编号再执行一次。",
        "Several decisions stand beside each other: {ids}. Nothing was saved; all values are kept. Repeat it with the id of one of them.",
    ),
    (
        "CONFLICT-011",
        "没有规则“{rule}”。没有保存，各个值都保留着。可用的规则：{known}。",
        "There is no rule \"{rule}\". Nothing was saved; all values are kept. The rules are: {known}.",
    ),
    (
        "CONFLICT-012",
        "“{field}”不是字段。没有保存，各个值都保留着。请写成 organisation.name 的形式。",
        "\"{field}\" is no field. Nothing was saved; all values are kept. Write it like organisation.name.",
    ),
    (
        "CONFLICT-013",
        "确认码与现在的清单不符：清单已有变动，没有先查看，或者是别的账号查看的（谁处理，谁先看；本人填写过的不在清单里）。没有处理任何一项，各个值都保留着。请用本账号以 --preview 重新查看，再用新的确认码执行。",
        "The token does not stand for the list as it is now: something has changed, nobody looked, or another account looked (whoever decides looks first, and is shown no list with their own words). Nothing was decided; all values are kept. Look again with --preview as this account and use the new token.",
    ),
    (
        "CONFLICT-014",
        "{author} 的批量写入已有 {n} 项冲突待处理，暂停其导入和批量载入。已写入的数据都在，单条填写不受影响。请先处理这些冲突（conflict list --storm {id}，可用 conflict bulk），或请他人用 conflict storm release {id} --reason 恢复。",
        "Bulk writes of {author} have left {n} open conflicts, so its imports and loads are stopped. What was written is safe, single saves go on. Settle them (conflict list --storm {id}, conflict bulk), or have somebody else run conflict storm release {id} --reason.",
    ),
    (
        "CONFLICT-015",
        "没有编号为“{id}”的冲突集中来源。数据没有变动。请用 conflict storm 查看。",
        "There is no storm \"{id}\". Nothing has changed. See conflict storm.",
    ),
    (
        "CONFLICT-016",
        "批量处理须先查看清单。没有处理任何一项，各个值都保留着。请先加 --preview 执行，再用清单末尾的确认码加 --confirm 执行；不是按规则处理的，还要写明 --reason。",
        "A bulk decision needs its list to be seen first. Nothing was decided; all values are kept. Run it with --preview, then with --confirm and the token at the end of the list; where no rule decides, with --reason.",
    ),
    (
        "CONFLICT-017",
        "规则 {rule} 对这项冲突没有这样的建议。没有处理，各个值都保留着。请用 conflict show 查看适用的规则和建议；要另作选择，请不加 --preset，写明 --reason。",
        "Rule {rule} does not suggest that for this conflict. Nothing was decided; all values are kept. See with conflict show which rule fits and what it suggests; to choose otherwise leave --preset out and give a --reason.",
    ),
    (
        "RETURN-001",
        "“{period}”不是季度。数据没有变动。请写成 2020Q3 的形式。",
        "\"{period}\" is not a quarter. Nothing has changed. Write it like 2020Q3.",
    ),
    (
        "RETURN-002",
        "{period} 的数据指纹 {theirs} 与本机计算的 {ours} 不符，没有上报，原有内容没有变动。请用 return submit 上报，指纹由系统计算。",
        "The hash {theirs} of {period} is not {ours}, which is counted here. Nothing was handed in or changed. Use return submit; it counts the hash itself.",
    ),
    (
        "RETURN-003",
        "{period} 上报的数据指纹 {theirs} 与市级计算的 {ours} 不一致，没有确认，报表保持已上报。请先与该辖区同步至一致，或退回后由其重新上报。",
        "The hash {theirs} of {period} as signed is not {ours}, which the city counts. It was not accepted and stays submitted. Have both sides synchronise until they are equal, or give it back to be signed anew.",
    ),
    (
        "RETURN-004",
        "只有市级可以冻结全市指标。数据没有变动。请在市级执行。",
        "Only the city freezes the city's figures. Nothing has changed. Do it at the hub.",
    ),
    (
        "RETURN-005",
        "{period} 的最后一天是 {last}，今天是 {today}，本季度尚未结束，数字还会变。没有上报、接收或冻结，数据没有变动。请在季度结束后办理；在此之前可用 return show 查看目前的数字。",
        "The last day of {period} is {last} and today is {today}: the quarter has not ended and its figures will still move. Nothing was handed in, accepted or frozen, and nothing has changed. Do it after the quarter; return show tells the figures so far.",
    ),
    (
        "FIGURE-001",
        "没有名为“{indicator}”的指标。数据没有变动。名称见 report indicators --json，如 org_coverage_rate。",
        "There is no indicator \"{indicator}\". Nothing has changed. The names are those of report indicators --json, as org_coverage_rate.",
    ),
    (
        "REPORT-001",
        "“{date}”不是日期。数据没有变动。请写成 2020-09-30 的形式。",
        "\"{date}\" is not a date. Nothing has changed. Write it like 2020-09-30.",
    ),
    (
        "REPORT-002",
        "{year} 不是年度。数据没有变动。请写成 2020 的形式。",
        "{year} is not a year. Nothing has changed. Write it like 2020.",
    ),
    (
        "TABLE-001",
        "本节点只有本辖区（{scope}）的数据，不能出其他辖区的报表。数据没有变动。请由该辖区或市级出表。",
        "This node has the data of its own scope ({scope}) only. Nothing has changed. Have that scope or the city make the report.",
    ),
    (
        "TABLE-002",
        "从文件名 {path} 看不出格式。没有写文件。请用 --format 指明 json、csv、xlsx 或 html。",
        "The name {path} does not say the form. No file was written. Name it with --format: json, csv, xlsx or html.",
    ),
    (
        "TABLE-003",
        "报表已给出，但有 {n} 处平衡关系不成立，已逐条列出。数据没有变动。上报前请先查明原因（quality list），不要使用不平衡的数字。",
        "The report is given, but {n} balances do not hold; each is named above. Nothing has changed. Find out why before it is handed in (quality list); do not use figures that do not balance.",
    ),
    (
        "TABLE-004",
        "起始日期 {from} 晚于截止日期 {to}。数据没有变动。请改正后重试。",
        "The first day {from} is later than the last day {to}. Nothing has changed. Correct them and try again.",
    ),
    (
        "TABLE-005",
        "这份报表没有名为“{table}”的表。数据没有变动。可用的有：{known}。",
        "The report has no table \"{table}\". Nothing has changed. There are: {known}.",
    ),
    (
        "AUTH-SCOPE",
        "记录属于其他辖区，本节点无权填写。修改没有生效，内容已留存。请由该辖区填写。",
        "The record belongs to another scope. The write did not take effect; its text is kept. Have that scope write it.",
    ),
    (
        "AUTH-LOCAL",
        "此类记录只保存在本地，不参与同步。内容已留存在本地，无需处理。",
        "Records of this kind stay at home and are not exchanged. The text is kept at home; there is nothing to do.",
    ),
    (
        "AUTH-HUB-ONLY",
        "此项由市级填写。修改没有生效，内容已留存。请联系市级。",
        "Only the city writes this. The write did not take effect; its text is kept. Ask the city.",
    ),
    (
        "AUTH-SET-ONCE",
        "此项只能在新建时填写。修改没有生效，内容已留存。填错时请删除后重新建立。",
        "This is set when the record is made. The write did not take effect; its text is kept. If it is wrong, delete the record and make another.",
    ),
    (
        "AUTH-HUB-STEP",
        "此状态变更须由市级确认。修改没有生效，内容已留存。请联系市级。",
        "The city commits this change of status. The write did not take effect; its text is kept. Ask the city.",
    ),
    (
        "AUTH-DISTRICT",
        "此项由县区填写。修改没有生效，内容已留存。请联系县区更正。",
        "The district fills this in. The write did not take effect; its text is kept. Ask the district to correct it.",
    ),
    (
        "AUTH-DOCKET",
        "处理决定和批注由 conflict 命令产生，不能直接填写或删除。没有保存，原有内容没有变动。请用 conflict 的命令处理冲突。",
        "Decisions and notes are made by the conflict commands and are never filled in or deleted. Nothing was saved or changed. Decide conflicts with the conflict commands.",
    ),
    (
        "AUTH-OWN",
        "本人提交的事项须由他人审核。没有保存，原有内容没有变动。请由另一人办理。",
        "Nobody approves what they submitted themselves. Nothing was saved or changed. Have another person take the step.",
    ),
    (
        "AUTH-KEPT",
        "市级发现的问题、市级已接收或已办结的事项，县区不能删除。记录原样保留，没有变动。确需删除的，请联系市级。",
        "A district does not delete what the city has found, received or settled. The record stands as it was. If it must go, ask the city.",
    ),
    (
        "AUTH-ERASED",
        "个人信息只能用 person erase 清除，清除后不能再填写。没有保存，原有内容没有变动。清除用 person erase。",
        "Personal values are erased with person erase only, and are never filled in again. Nothing was saved or changed. To erase, use person erase.",
    ),
    (
        "PERSON-001",
        "清除不能撤销：{id} 的姓名、工作单位和职务将在各处永久清除，引用这些内容的 {n} 条决定、建议和批注一并清除。没有改动。确认后请加 --confirm。",
        "Erasing cannot be undone: name, employer and post of {id} go from everywhere for ever, and {n} decisions, proposals and notes about it lose what they quote. Nothing has changed. Confirm with --confirm.",
    ),
    (
        "PERSON-002",
        "理由里写有要清除的内容，而理由会一直保留。没有改动。请换一个不含姓名、单位和职务的理由。",
        "The reason says what is to be erased, and it stays for ever. Nothing has changed. Give one without name, employer and post.",
    ),
    (
        "PERSON-003",
        "对端 {peer} 的程序版本较旧，不认识清除标记，会把记录隔离起来。没有改动。请先升级对端，再清除。",
        "The program of {peer} is too old to know of erasing, and would hold the record back. Nothing has changed. Have it upgraded first, then erase.",
    ),
    (
        "PERSON-004",
        "该人员已清除，不再保存联系方式。没有改动。需要时请另建一条人员记录。",
        "This person was erased; no contact is kept. Nothing has changed. Make another person if there is need.",
    ),
    (
        "PERSON-005",
        "电话号码无法识别。没有改动。请填写数字，可以有空格、短横线和开头的加号。",
        "The phone number cannot be read. Nothing has changed. Give digits; spaces, hyphens and a leading plus may stand in it.",
    ),
    (
        "PERSON-006",
        "联系方式只保存在填写该人员的地方，该人员属于其他辖区。没有改动。请向该辖区查询。",
        "A contact is kept only where the person is written, and this one belongs to another scope. Nothing has changed. Ask that scope.",
    ),
    (
        "PERSON-007",
        "联系方式是个人信息，对您是脱敏的。没有显示，数据没有变动。确需查看的请加 --reveal --reason 说明理由，会记入操作日志。",
        "A contact is personal, and personal data is masked for you. Nothing was shown or changed. Who has to see it gives --reveal --reason; the audit list keeps why.",
    ),
];
