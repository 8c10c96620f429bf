//! A detour at the keyboard: told where the learner looks, and mended by the key that it names.

use super::common::alone;
use super::learner::{LEAVE, Learner};

#[test]
fn a_detour_is_told_at_once_with_the_key_that_mends_it() {
    let _turn = alone();
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut learner = Learner::start(columns, rows, &["learn", "build-a-container"]);
        learner.tty.wait_for("Enter run");
        for _ in 0..2 {
            learner.tty.press("\r");
            learner.tty.wait_for("Enter go on");
            learner.tty.press("\r");
            learner.tty.wait_for("Enter run");
        }

        // The container is all that the step asks for; but a later step looks at a /proc that is covered by now.
        learner.tty.press("T");
        learner.tty.wait_for("YOUR TURN");
        learner.tty.press("s");
        learner.tty.wait_for("keys go to the shell");
        learner.tty.wait_for_prompt();
        learner.type_line("unshare --mount --uts --ipc --net --pid --mount-proc --fork sh");
        learner.tty.wait_for("DONE: all of it holds");
        learner.tty.wait_for("Step 6 will fail");
        learner.tty.press(LEAVE);
        learner.tty.wait_for("s types");
        learner.tty.press("\r");
        learner.tty.wait_for("✔ 3 of 3");
        assert!(learner.tty.screen().contains("u: one step back"), "{}", learner.tty.screen());

        // The key that it names leads to a lab where nothing is in the way.
        learner.tty.press("u");
        learner.tty.wait_for("Rewind to before");
        learner.tty.press("y");
        learner.tty.wait_for("Enter run");
        learner.tty.wait_until_gone("Step 6 will fail");
        learner.leave();
    }
}
