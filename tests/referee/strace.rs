//! Calls that are shown were made: strace saw each of them, with its arguments and result.

use crate::common::{self, alone};

#[test]
fn strace_saw_every_call_that_is_shown() {
    let _turn = alone();
    let compared = calls_seen_by_strace("build-a-container", None);
    assert!(compared > 200, "{compared} calls");
}

#[test]
fn strace_saw_every_call_that_packs_and_unpacks_a_layer() {
    assert!(calls_seen_by_strace("layers", None) > 500);
}

#[test]
fn strace_saw_every_rule_and_class() {
    let _turn = alone();
    if common::is_root() && common::lessons_here().iter().any(|lesson| lesson.id == "net-cls-prio")
    {
        assert!(calls_seen_by_strace("net-cls-prio", Some("class")) > 20);
    }
}

/// How many calls were compared: all of a lesson, up to a step.
fn calls_seen_by_strace(lesson: &str, until: Option<&str>) -> usize {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("strace.log");
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-s", "65536", "-e", "abbrev=execve", "-e", "signal=none", "-o"]).arg(&log);
    strace.arg(common::program()).args(["run", lesson, "--format", "json"]);
    strace.args(until.iter().flat_map(|step| ["--until", step]));
    let output = strace.output().expect("strace is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let seen = seen_by_strace(&std::fs::read_to_string(&log).expect("its log"));

    let mut at = 0;
    let mut compared = 0;
    for step in said["steps"].as_array().expect("steps") {
        for op in step["ops"].as_array().expect("ops") {
            for call in op["calls"].as_array().expect("calls") {
                let call: unboxed::call::Call =
                    serde_json::from_value(call.clone()).expect("a call");
                // What is one transaction is one line: the one before, then.
                let from = if call.name.starts_with("NFT_") { at - 1 } else { at };
                let found = seen[from..].iter().position(|line| is_same(&call, line));
                match found {
                    Some(offset) => {
                        at = from + offset + 1;
                        assert_acknowledged(&call, &seen[at..]);
                    }
                    None => panic!("strace did not see {call}, of step {}", step["id"]),
                }
                compared += 1;
            }
        }
    }
    compared
}

/// A netlink request's result is what the kernel's next answer says.
fn assert_acknowledged(call: &unboxed::call::Call, after: &[String]) {
    if call.kind != unboxed::call::CallKind::Netlink {
        return;
    }
    let answer = after
        .iter()
        .find(|line| line.starts_with("recvfrom(") && line.contains("nlmsg_type=NLMSG_ERROR"));
    let wanted = match &call.result {
        unboxed::call::CallResult::Value(_) => "error=0,".to_owned(),
        unboxed::call::CallResult::Errno(errno) => format!("error=-{errno},"),
        unboxed::call::CallResult::Unseen => panic!("{call}: an op sees its results"),
    };
    assert!(answer.is_some_and(|line| line.contains(&wanted)), "{call}: {answer:?}");
}

/// One line a call, the halves of interrupted ones joined, in the order in which they began: a child may be well on its way
/// when the fork that made it ends.
fn seen_by_strace(log: &str) -> Vec<String> {
    let mut unfinished = std::collections::HashMap::new();
    let mut calls: Vec<String> = Vec::new();
    for line in log.lines() {
        let Some((pid, text)) = line.split_once(char::is_whitespace) else { continue };
        let text = text.trim_start();
        if let Some(begun) = text.strip_suffix(" <unfinished ...>") {
            unfinished.insert(pid, calls.len());
            calls.push(begun.to_owned());
        } else if let Some((_, rest)) =
            text.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"))
        {
            if let Some(begun) = unfinished.remove(pid) {
                calls[begun].push_str(rest);
            }
        } else {
            calls.push(text.to_owned());
        }
    }
    calls
}

fn is_same(call: &unboxed::call::Call, line: &str) -> bool {
    use unboxed::call::{CallKind, CallResult};
    let Some((made, result)) = line.rsplit_once(" = ") else { return false };
    let made = made.trim_end();
    match call.kind {
        CallKind::Netlink => is_same_request(call, made),
        CallKind::Syscall => {
            let result_fits = match &call.result {
                CallResult::Value(value) => {
                    result.split(' ').next() == Some(value.to_string().as_str())
                }
                CallResult::Errno(errno) => result.starts_with(&format!("-1 {errno} ")),
                CallResult::Unseen => false,
            };
            let shown = format!("{}({})", call.name, call.args);
            result_fits
                && (without_pointers(made) == shown || is_same_as_far_as_shown(made, &shown))
        }
    }
}

/// True if the second has three dots for the rest of a buffer, and is the same but for that. The byte before them may be
/// written otherwise where a digit follows.
fn is_same_as_far_as_shown(made: &str, shown: &str) -> bool {
    let Some((start, end)) = shown.split_once("\"...") else { return false };
    let last = start.len().saturating_sub(4);
    let cut = start[last..].rfind('\\').map_or(start.len(), |at| last + at);
    made.starts_with(&start[..cut]) && made.ends_with(end)
}

/// strace prints the environment as `0x7ffe… /* 5 vars */`.
fn without_pointers(made: &str) -> String {
    match (made.rfind(", 0x"), made.rfind(" /* ")) {
        (Some(at), Some(count)) if count > at => {
            format!("{}, [{}])", &made[..at], made[count + 1..].trim_end_matches(')'))
        }
        _ => made.to_owned(),
    }
}

/// The message's type and flags, and the bytes of every attribute. strace can't tell the family of a socket in another
/// network namespace, so it prints numbers and bytes.
fn is_same_request(call: &unboxed::call::Call, made: &str) -> bool {
    let kind = match call.name.as_str() {
        "RTM_NEWLINK" => "0x10",
        "RTM_DELLINK" => "0x11",
        "RTM_NEWADDR" => "0x14",
        "RTM_NEWROUTE" => "0x18",
        "RTM_DELROUTE" => "0x19",
        "RTM_NEWQDISC" => "0x24",
        "RTM_NEWTCLASS" => "0x28",
        "NFT_MSG_NEWTABLE" => "0xa00",
        "NFT_MSG_NEWCHAIN" => "0xa03",
        "NFT_MSG_NEWRULE" => "0xa06",
        other => panic!("{other} is not known to this test"),
    };
    let flags = match call.args.split(", ").next().unwrap_or_default() {
        "NLM_F_REQUEST|NLM_F_ACK" => "NLM_F_REQUEST|NLM_F_ACK,",
        "NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE" => "NLM_F_REQUEST|NLM_F_ACK|0x600,",
        "NLM_F_REQUEST|NLM_F_ACK|NLM_F_CREATE" => "NLM_F_REQUEST|NLM_F_ACK|0x400,",
        "NLM_F_REQUEST|NLM_F_ACK|NLM_F_CREATE|NLM_F_APPEND" => "NLM_F_REQUEST|NLM_F_ACK|0xc00,",
        other => panic!("{other} is not known to this test"),
    };
    let head = [format!("nlmsg_type={kind} "), format!("nlmsg_flags={flags}")];
    made.starts_with("sendto(")
        && head.iter().all(|part| made.contains(part))
        && attribute_bytes(&call.args).iter().all(|bytes| made.contains(bytes))
}

/// Every value of the shown attributes as strace writes bytes: names, addresses, numbers.
fn attribute_bytes(args: &str) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let Some((_, attributes)) = args.split_once("}, [") else { return Vec::new() };
    let mut wanted = Vec::new();
    for (index, part) in attributes.split('"').enumerate() {
        match (index % 2, part.parse::<std::net::Ipv4Addr>()) {
            (1, Ok(address)) => wanted.push(hex(&address.octets())),
            (1, Err(_)) => wanted.push(hex(part.as_bytes())),
            _ => {
                let numbers =
                    part.split([' ', ']', ',']).filter_map(|word| word.parse::<u32>().ok());
                wanted.extend(numbers.map(|number| hex(&number.to_le_bytes())));
            }
        }
    }
    assert!(!wanted.is_empty(), "{args}");
    wanted
}
