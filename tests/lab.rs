//! A lab on the real kernel: made, used, gone.

use std::path::Path;

use unboxed::engine::link::Links;
use unboxed::keeper::handle::KeeperHandle;
use unboxed::lab::protocol::LabPlan;
use unboxed::op::{ActorName, NamespaceKind, Op, Outcome};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_unboxed"))
}

#[test]
fn a_lab_performs_ops_and_reports_their_calls() {
    let mut keeper = KeeperHandle::start(program()).expect("keeper");
    let plan = LabPlan { controllers: vec!["memory".into(), "pids".into(), "cpu".into()], spare: false };
    let t = std::time::Instant::now();
    let (made, wire) = keeper.make_lab(&plan).expect("lab");
    println!("{made:?} {:?}", t.elapsed());
    let mut links = Links::open(wire).expect("host");
    println!("open {:?}", t.elapsed());
    let host = ActorName::host();
    let container = ActorName::from("container");
    use NamespaceKind::*;
    for (actor, op) in [
        (&host, Op::ReadFile { path: "/proc/self/mountinfo".into() }),
        (&host, Op::Run { argv: vec!["ip".into(), "addr".into()] }),
        (&host, Op::Run { argv: vec!["ps".into(), "-ef".into()] }),
        (&host, Op::Run { argv: vec!["nft".into(), "list".into(), "ruleset".into()] }),
        (&host, Op::Ping { to: [203, 0, 113, 1].into(), timeout_ms: 1000 }),
        (&host, Op::Spawn { actor: container.clone(), unshare: vec![Mount, Uts, Ipc, Net, Pid] }),
        (&container, Op::GetPid),
        (&container, Op::Run { argv: vec!["ps".into(), "-ef".into()] }),
        (&container, Op::SetHostname { name: "box".into() }),
        (&container, Op::Ping { to: [203, 0, 113, 1].into(), timeout_ms: 1000 }),
    ] {
        let record = links.perform(actor, op).expect("answer");
        for call in &record.calls {
            let text = call.to_string();
            println!("{actor}: {} [{} us]", text.chars().take(300).collect::<String>(), call.nanos / 1000);
        }
        println!("{}", record.outcome.output());
        if let Outcome::Failed { errno, what } = &record.outcome {
            println!("FAILED {errno} {what}");
        }
    }
    let t = std::time::Instant::now();
    drop(links);
    drop(keeper);
    println!("end {:?}", t.elapsed());
}
