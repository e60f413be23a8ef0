//! The sentences of the network: dialling the hub, certificates, enrolment, invitations, the
//! authority's files, the servers, and why the hub refused a connection.
//!
//! `{detail}` is the error with all its causes, filled in by the caller.

/// One row for each stable code of the network.
pub(super) const TEXTS: &[(&str, &str, &str)] = &[
    (
        "LINK-001",
        "联系不上市级（{detail}）。已保存的数据安全，填报不受影响，线路恢复后自动同步。若长时间不通，请检查网线、市级地址、端口和防火墙，并确认市级程序在运行。",
        "The hub cannot be reached ({detail}). What was saved is safe, work goes on, and it syncs by itself when the line is back. If it stays so, check the cable, the hub's address, port and firewall, and that the hub is serving.",
    ),
    (
        "LINK-002",
        "市级已撤销本节点的证书或接入资格。已保存的数据仍在本机，没有丢失。请联系市级管理员，申请新的邀请码后重新入网。",
        "The hub has revoked this node or its certificate. What was saved is still here, nothing is lost. Ask the city's administrator for a new invitation and join again.",
    ),
    (
        "LINK-003",
        "本节点的证书已过期，不能与市级同步（{detail}）。已保存的数据安全，填报不受影响。请向市级管理员申请新的邀请码，重新入网。",
        "This node's certificate has expired and it cannot sync ({detail}). What was saved is safe and work goes on. Ask the city's administrator for a new invitation and join again.",
    ),
    (
        "LINK-004",
        "本机时钟与市级相差太大，证书无法核对（{detail}）。已保存的数据安全。请校准本机时间，再重新启动。",
        "The clock here and the hub's differ so much that certificates cannot be checked ({detail}). What was saved is safe. Set the clock and start again.",
    ),
    (
        "LINK-005",
        "对方的证书不是本市颁发的，或者市级不认识本节点的证书。没有发送任何数据，已保存的数据安全。请核对市级地址；若市级重新建立过，请申请新的邀请码。",
        "The certificate is of an unknown authority: the other end is not our hub, or the hub does not know this node. Nothing was sent, what was saved is safe. Check the hub's address; if the hub was set up anew, ask for a new invitation.",
    ),
    (
        "LINK-006",
        "应答的是另一个市级程序，不是本节点入网的那一个（{detail}）。没有发送任何数据。请核对市级地址。",
        "Another hub answers than the one this node joined ({detail}). Nothing was sent. Check the hub's address.",
    ),
    (
        "LINK-007",
        "连接被拒绝（{detail}）。已保存的数据安全。请核对市级地址和双方程序版本；仍不行，请把这条信息交给市级管理员。",
        "The connection was refused ({detail}). What was saved is safe. Check the hub's address and the versions of both programs; if it stays so, give this line to the city's administrator.",
    ),
    (
        "LINK-008",
        "市级的证书已过期（{detail}）。本节点的数据安全，填报不受影响。请通知市级管理员更换证书，换好后自动同步。",
        "The hub's certificate has expired ({detail}). The data here is safe and work goes on. Tell the city's administrator to renew it; sync then goes on by itself.",
    ),
    (
        "LINK-009",
        "本机的证书或密钥不能使用（{detail}）。数据没有变动。请从带密钥的备份恢复，或申请新的邀请码重新入网。",
        "The certificate or key here cannot be used ({detail}). The data has not changed. Restore a backup that has the keys, or join again with a new invitation.",
    ),
    (
        "LINK-010",
        "市级地址写得不对。数据没有变动。请写成 https://主机:端口，例如 https://10.1.2.3:7443。",
        "The hub's address is not well formed. Nothing has changed. Write it as https://HOST:PORT, such as https://10.1.2.3:7443.",
    ),
    (
        "LINK-011",
        "证书内容无法读取。没有建立连接，数据没有变动。请重新入网，领取新的证书。",
        "The certificate cannot be read. No connection was made, nothing has changed. Join again to get a new one.",
    ),
    (
        "LINK-012",
        "证书里没有写明是哪个节点。没有建立连接，数据没有变动。请使用入网时由市级颁发的证书。",
        "The certificate carries no identity. No connection was made, nothing has changed. Use the certificate that the hub gave at joining.",
    ),
    (
        "LINK-013",
        "一张证书里写了多个身份，不予采用。没有建立连接，数据没有变动。请使用入网时由市级颁发的证书。",
        "The certificate carries more than one identity and was not taken. No connection was made, nothing has changed. Use the certificate that the hub gave at joining.",
    ),
    (
        "LINK-014",
        "证书里的身份写法不合规（{detail}）。没有建立连接，数据没有变动。请使用入网时由市级颁发的证书。",
        "The identity in the certificate is not well formed ({detail}). No connection was made, nothing has changed. Use the certificate that the hub gave at joining.",
    ),
    (
        "LINK-020",
        "邀请码已经用过，每个邀请码只能用一次。没有入网，数据没有变动。请向市级管理员申请新的邀请码；如果不是你用的，请一并告知。",
        "The invitation was used before; each works once. Nothing was joined, nothing has changed. Ask the city's administrator for a new one, and say so if it was not you who used it.",
    ),
    (
        "LINK-021",
        "邀请码已过有效期。没有入网，数据没有变动。请向市级管理员申请新的邀请码。",
        "The invitation has expired. Nothing was joined, nothing has changed. Ask the city's administrator for a new one.",
    ),
    (
        "LINK-022",
        "市级没有发出过这个邀请码。没有入网，数据没有变动。请核对邀请码和市级地址是否出自同一处。",
        "The hub does not know this invitation. Nothing was joined, nothing has changed. Check that the token and the hub's address belong together.",
    ),
    (
        "LINK-023",
        "市级暂时不接受入网。没有入网，邀请码仍然有效。请稍后再试，或联系市级管理员。",
        "The hub takes no enrolments at present. Nothing was joined and the invitation stays good. Try again later or ask the city's administrator.",
    ),
    (
        "LINK-024",
        "演示库与正式库不能互联。没有入网，数据没有变动。请使用正式库的邀请码，或为演示另建目录。",
        "Demonstration data and real data cannot be joined. Nothing was joined, nothing has changed. Use an invitation of the right hub, or another directory for the demonstration.",
    ),
    (
        "LINK-025",
        "这个地址失败次数太多，市级暂停受理。没有入网，数据没有变动。请过一会儿再试，并重新复制完整的邀请码。",
        "Too many attempts from this address have failed, and the hub waits. Nothing was joined, nothing has changed. Try again in a while, and copy the whole token.",
    ),
    (
        "LINK-026",
        "市级不能使用这份证书申请。没有颁发证书，数据没有变动。请使用同一版本的程序重新入网。",
        "The certificate request cannot be used. No certificate was issued, nothing has changed. Join again with a program of the same version.",
    ),
    (
        "LINK-027",
        "市级暂时无法办理入网或换证。邀请码是否已用尚不能确定，本机数据没有变动。请稍后用同一个邀请码再试；若提示已用过，请申请新的。",
        "The hub cannot enrol or renew at present. Whether the invitation is spent is not known; the data here has not changed. Try again later with the same token, and ask for a new one if it is said to be used.",
    ),
    (
        "LINK-028",
        "市级的答复与本机的密钥或邀请码不符（{detail}）。没有采用，数据没有变动。请核对市级地址，并申请新的邀请码。",
        "The hub's answer does not fit the key or the invitation ({detail}). It was not taken, nothing has changed. Check the hub's address and ask for a new invitation.",
    ),
    (
        "LINK-029",
        "市级已停用本节点，不再换发证书。已保存的数据仍在本机，没有丢失。请联系市级管理员，申请新的邀请码。",
        "The hub has this node as no longer active and renews no certificate. What was saved is still here, nothing is lost. Ask the city's administrator for a new invitation.",
    ),
    (
        "LINK-030",
        "邀请码有误：可能少了几位或抄错了字。没有入网，数据没有变动。请重新复制完整的邀请码。",
        "The token was mistyped or cut short. Nothing was joined, nothing has changed. Copy the whole token again.",
    ),
    (
        "LINK-031",
        "邀请码出自另一版本的程序（{detail}）。没有入网，数据没有变动。请把双方升级到同一版本，再申请新的邀请码。",
        "The token is of another version of the program ({detail}). Nothing was joined, nothing has changed. Bring both to the same version and ask for a new invitation.",
    ),
    (
        "LINK-040",
        "证书颁发机构的文件无法读写（{detail}）。已保存的数据安全。请检查磁盘空间和目录权限；文件缺失时，从带密钥的备份恢复。",
        "A file of the certificate authority cannot be read or written ({detail}). What was saved is safe. Check the disk and the permissions; where a file is missing, restore a backup that has the keys.",
    ),
    (
        "LINK-041",
        "目录里已经有证书颁发机构，没有覆盖。原有证书和数据没有变动。请直接 serve，或换一个空目录。",
        "There is a certificate authority already and it was not overwritten. Certificates and data have not changed. Serve from here, or use an empty directory.",
    ),
    (
        "LINK-042",
        "证书颁发机构的密钥可以被其他用户读取，程序没有启动（{detail}）。数据没有变动。请把密钥文件权限改为 0600，并考虑是否已经泄露。",
        "Others may read the key of the certificate authority, and the program has not started ({detail}). Nothing has changed. Set the key's mode to 0600, and consider whether it was copied.",
    ),
    (
        "LINK-043",
        "证书颁发机构的密钥有口令保护，没有给出口令。程序没有启动，数据没有变动。请加上 --passphrase-file。",
        "The key of the certificate authority is sealed and no passphrase was given. The program has not started, nothing has changed. Add --passphrase-file.",
    ),
    (
        "LINK-044",
        "口令不对，或者密封的文件被改动过。没有打开密钥，数据没有变动。请核对口令文件；确认口令无误时，从备份恢复密钥。",
        "The passphrase is wrong, or the sealed file was changed. The key was not opened, nothing has changed. Check the passphrase file; if it is right, restore the key from a backup.",
    ),
    (
        "LINK-045",
        "文件不是本程序密封的，或出自另一版本。没有打开，数据没有变动。请核对文件和程序版本。",
        "The file is not sealed in a form that this program knows. It was not opened, nothing has changed. Check the file and the version of the program.",
    ),
    (
        "LINK-046",
        "系统不能提供随机数，或内存不足，密钥没有密封（{detail}）。数据没有变动。请腾出内存后重试。",
        "The system has no random source or too little memory, and the key was not sealed ({detail}). Nothing has changed. Free some memory and try again.",
    ),
    (
        "LINK-047",
        "证书颁发机构的证书与密钥不是一对。程序没有启动，数据没有变动。请从同一份备份恢复两个文件。",
        "The certificate and the key of the authority do not belong together. The program has not started, nothing has changed. Restore both from one backup.",
    ),
    (
        "LINK-048",
        "本机时钟不在证书颁发机构的有效期内（{detail}）。没有颁发证书，数据没有变动。请校准本机时间。",
        "The clock lies outside the life of the certificate authority ({detail}). No certificate was issued, nothing has changed. Set the clock.",
    ),
    (
        "LINK-049",
        "生成密钥或证书时出错（{detail}）。没有颁发证书，数据没有变动。请重试；仍不行，请保留日志并联系支持人员。",
        "A key or certificate could not be made ({detail}). No certificate was issued, nothing has changed. Try again; if it stays so, keep the log and ask for help.",
    ),
    (
        "LINK-050",
        "同步服务异常结束（{detail}）。已保存的数据安全。请重新启动，并保留日志。",
        "The sync server ended badly ({detail}). What was saved is safe. Start it again and keep the log.",
    ),
    (
        "LINK-051",
        "接口说明无法提供，服务没有启动（{detail}）。数据没有变动。请核对程序文件是否完整，必要时重新安装。",
        "The description of the services cannot be offered, and the server has not started ({detail}). Nothing has changed. Check that the program is whole; install it again if need be.",
    ),
    (
        "LINK-052",
        "接受连接的部分异常结束（{detail}）。已保存的数据安全。请重新启动，并保留日志。",
        "The part that accepts connections ended badly ({detail}). What was saved is safe. Start it again and keep the log.",
    ),
    (
        "LINK-060",
        "对方没有出示证书，已拒绝连接。没有收发数据。若是本市节点，请让它重新入网。",
        "The caller presented no certificate and was refused. Nothing was exchanged. If it is one of our nodes, let it join again.",
    ),
    (
        "LINK-061",
        "对方的证书不是本市颁发的，已拒绝连接。没有收发数据。若是本市节点，请发新的邀请码让它重新入网。",
        "The caller's certificate is of another authority and was refused. Nothing was exchanged. If it is one of our nodes, invite it anew.",
    ),
    (
        "LINK-062",
        "对方的证书已过期，已拒绝连接。没有收发数据，对方的数据仍在它本机。请发新的邀请码让它重新入网。",
        "The caller's certificate has expired and was refused. Nothing was exchanged, and its data is still with it. Invite it anew.",
    ),
    (
        "LINK-063",
        "对方的证书尚未生效，已拒绝连接。没有收发数据。请核对双方的时钟。",
        "The caller's certificate is not valid yet and was refused. Nothing was exchanged. Check the clocks of both machines.",
    ),
    (
        "LINK-064",
        "对方的证书或接入资格已被撤销，已拒绝连接。没有收发数据。若要恢复，请用 node invite 发新的邀请码。",
        "The caller's certificate or place was revoked, and it was refused. Nothing was exchanged. To take it back, use node invite.",
    ),
    (
        "LINK-065",
        "对方的证书不是用于入网连接的，已拒绝连接。没有收发数据。若是本市节点，请让它重新入网。",
        "The caller's certificate is for another purpose and was refused. Nothing was exchanged. If it is one of our nodes, let it join again.",
    ),
    (
        "LINK-066",
        "对方出示的是颁发机构的证书，不能用来连接，已拒绝。没有收发数据。请查明来源；若颁发机构的密钥可能泄露，应重建。",
        "The caller presented an authority's certificate, which may not be used so, and was refused. Nothing was exchanged. Find out who it is; if the authority's key may have been copied, set it up anew.",
    ),
    (
        "LINK-067",
        "对方的证书属于另一个市级，已拒绝连接。没有收发数据。请让对方核对市级地址。",
        "The caller's certificate belongs to another hub and was refused. Nothing was exchanged. Let it check the hub's address.",
    ),
    (
        "LINK-068",
        "对方只支持旧的加密协议，已拒绝连接。没有收发数据。请让对方使用本程序，并检查中间的代理设备。",
        "The caller speaks only an older TLS and was refused. Nothing was exchanged. Let it use this program, and check any proxy in between.",
    ),
    (
        "LINK-069",
        "对方没有使用加密连接，已拒绝。没有收发数据。请核对地址是否以 https:// 开头，并检查中间的代理设备。",
        "The caller does not speak TLS and was refused. Nothing was exchanged. Check that the address begins with https://, and any proxy in between.",
    ),
    (
        "LINK-070",
        "对方请求的不是同步或入网服务，已拒绝连接。没有收发数据。若是本市节点，请检查程序版本。",
        "The caller asked for none of our protocols and was refused. Nothing was exchanged. If it is one of our nodes, check its version.",
    ),
    (
        "LINK-071",
        "对方没有在规定时间内完成握手，连接已断开。没有收发数据。节点会自动重连；若反复出现，请检查线路。",
        "The caller did not finish the handshake in time. Nothing was exchanged. A node tries again by itself; if it comes often, check the line.",
    ),
    (
        "LINK-072",
        "连接数已满，已拒绝新的连接。现有连接不受影响，节点会自动重连。若经常出现，请调高连接上限或查找异常来源。",
        "All connections are taken and the new one was refused. The others go on, and a node tries again by itself. If it comes often, raise the limit or look for a stray caller.",
    ),
    (
        "LINK-073",
        "握手中途连接断开。没有收发数据。节点会自动重连；若反复出现，请检查线路。",
        "The line broke during the handshake. Nothing was exchanged. A node tries again by itself; if it comes often, check the line.",
    ),
    (
        "LINK-074",
        "握手失败，已拒绝连接（{detail}）。没有收发数据。请核对双方程序版本，并保留日志。",
        "The handshake failed and the connection was refused ({detail}). Nothing was exchanged. Check the versions of both programs and keep the log.",
    ),
];
