use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::operator_files::TICKET_COLUMNS;

fn help(path: &[&str]) -> String {
    let mut command = Cli::command();
    command.build();
    let found = path.iter().try_fold(&mut command, |command, name| command.find_subcommand_mut(name));
    found.unwrap().render_long_help().to_string()
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_teaches_what_to_do_next() {
    for path in [&["init"][..], &["serve"], &["event", "create"], &["tickets", "import"], &["gate", "add"]] {
        assert!(help(path).contains("Next: "), "{path:?}");
    }
    assert!(help(&[]).contains("First steps:"));
    for column in TICKET_COLUMNS {
        assert!(help(&["tickets", "import"]).contains(column), "{column}");
    }
}

#[test]
fn whoever_deletes_an_event_is_told_what_goes_and_what_stays() {
    let help = help(&["event", "forget"]);
    for word in ["What goes:", "What stays:", "SSD", "Backups", "kido-gate wipe"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn what_is_done_with_many_tickets_says_what_happens_when_it_is_stopped() {
    for path in [
        &["tickets", "import"][..],
        &["tickets", "cancel"],
        &["event", "update"],
        &["admissions", "import"],
        &["admissions", "import-journal"],
        &["feed", "export"],
    ] {
        let help = help(path);
        assert!(help.contains("after any failure"), "{path:?}");
    }
    assert!(help(&["event", "export"]).contains("No shop reference stands on it"));
    assert!(help(&["admissions", "import"]).contains("ticket,at,gate"));
}

#[test]
fn a_postponement_moves_dates_and_nothing_else() {
    let said = [
        "kido-registrar",
        "event",
        "update",
        "event-00000000000000000000000000",
        "--postpone-to",
        "2030-01-01T00:00:00Z",
    ];
    assert!(Cli::try_parse_from(said).is_ok());
    assert!(Cli::try_parse_from(said.into_iter().chain(["--dry-run"])).is_ok());
    assert!(Cli::try_parse_from(said.into_iter().chain(["--offline", "admit"])).is_err());
    let [program, event, update, id, ..] = said;
    assert!(Cli::try_parse_from([program, event, update, id, "--dry-run"]).is_err());
}

#[test]
fn a_cancellation_names_a_ticket_or_a_list() {
    let said = ["kido-registrar", "tickets", "cancel", "event-00000000000000000000000000"];
    assert!(Cli::try_parse_from(said).is_err());
    assert!(Cli::try_parse_from(said.into_iter().chain(["TICKET-1"])).is_ok());
    assert!(Cli::try_parse_from(said.into_iter().chain(["--from", "list.csv"])).is_ok());
    assert!(Cli::try_parse_from(said.into_iter().chain(["TICKET-1", "--from", "list.csv"])).is_err());
}

#[test]
fn no_token_stands_in_help() {
    // The environment names a file, so showing its value tells no secret; a token itself is never an argument.
    assert!(!help(&["tickets", "show"]).contains("--token "));
}

#[test]
fn the_offline_choice_has_no_default() {
    let said = [
        "kido-registrar",
        "event",
        "create",
        "--name",
        "N",
        "--starts-at",
        "2027-01-01T00:00:00Z",
        "--ends-at",
        "2027-01-01T01:00:00Z",
    ];
    assert!(Cli::try_parse_from(said).is_err());
    assert!(Cli::try_parse_from(said.into_iter().chain(["--offline", "home-gate"])).is_ok());
}

#[test]
fn the_connection_may_stand_at_the_end() {
    let said = [
        "kido-registrar",
        "tickets",
        "import",
        "event-00000000000000000000000000",
        "a.csv",
        "--codes",
        "b.csv",
        "--server",
        "http://127.0.0.1:1",
        "--token-file",
        "t",
        "--json",
    ];
    let Command::Tickets(args) = Cli::try_parse_from(said).unwrap().command else { panic!("another command") };
    assert!(args.connection.json);
    assert_eq!(args.connection.server.as_str(), "http://127.0.0.1:1");
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let said = ["kido-registrar", "event", "list", "--server", "http://tickets.example"];
    let refused = Cli::try_parse_from(said).unwrap_err().to_string();
    assert!(refused.contains("plain http"), "{refused}");
}

#[test]
fn no_flag_names_a_choice_that_is_not_offered() {
    for command in ["create", "update"] {
        let help = help(&["event", command]);
        assert!(help.contains("--tickets-per-card"), "{help}");
        for flag in ["--resume-at-gate", "--external-proof", "--give-back-until", "--bind-within", "--transfer"] {
            assert!(!help.contains(flag), "{flag}");
        }
    }
}
