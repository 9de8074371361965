use super::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn token(seed: u64) -> BearerToken {
    BearerToken::generate(&mut StdRng::seed_from_u64(seed))
}

fn sales(seed: u64, label: &str) -> AddToken {
    AddToken { role: Role::Sales, label: label.to_owned(), token_hash: token(seed).hash(), life: TokenLife::Days(1) }
}

#[test]
fn the_file_holds_no_token_and_reads_back() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("tokens.json");
    let tokens = Tokens::create(path.clone(), &token(1)).unwrap();
    tokens.add(sales(2, "shop"), NOW).unwrap();
    let file = std::fs::read_to_string(&path).unwrap();
    assert!(!file.contains(token(1).reveal().as_str()));
    let read = Tokens::open(path).unwrap();
    assert_eq!(read.bearer(&token(1).reveal(), NOW).unwrap().role, Role::Operator);
    assert_eq!(read.bearer(&token(2).reveal(), NOW).unwrap().label, "shop");
    assert_eq!(read.bearer(&token(3).reveal(), NOW), Err(NotBorne::Unknown));
    assert_eq!(read.bearer(&"x".repeat(1_000), NOW), Err(NotBorne::Unknown));
}

#[test]
fn a_token_that_is_out_gets_no_other_role_or_label() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("tokens.json");
    let tokens = Tokens::create(path.clone(), &token(1)).unwrap();
    let viewer =
        AddToken { role: Role::Viewer, label: "looks".to_owned(), token_hash: token(1).hash(), life: TokenLife::Never };
    assert!(matches!(tokens.add(viewer, NOW), Err(TokenError::Exists)));
    tokens.add(sales(2, "shop"), NOW).unwrap();
    tokens.remove("shop").unwrap();
    let read = Tokens::open(path).unwrap();
    assert_eq!(read.bearer(&token(1).reveal(), NOW).unwrap().role, Role::Operator);
    assert!(matches!(read.add(sales(3, "shop"), NOW), Err(TokenError::Exists)), "also after a restart");
}

#[test]
fn a_removed_token_opens_nothing_and_the_last_operator_stays() {
    let home = tempfile::tempdir().unwrap();
    let tokens = Tokens::create(home.path().join("tokens.json"), &token(1)).unwrap();
    tokens.add(sales(2, "shop"), NOW).unwrap();
    tokens.add(sales(2, "shop"), NOW).unwrap();
    assert!(matches!(tokens.add(sales(3, "shop"), NOW), Err(TokenError::Exists)));
    assert!(matches!(tokens.add(sales(3, "A shop"), NOW), Err(TokenError::Label)));
    tokens.remove("shop").unwrap();
    assert_eq!(tokens.bearer(&token(2).reveal(), NOW), Err(NotBorne::Unknown));
    assert!(matches!(tokens.remove("shop"), Err(TokenError::Unknown)));
    assert!(matches!(tokens.add(sales(4, "shop"), NOW), Err(TokenError::Exists)), "the audit list goes by labels");
    assert!(matches!(tokens.remove("operator"), Err(TokenError::LastOperator)));
}

#[test]
fn a_token_opens_nothing_once_its_time_is_over() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("tokens.json");
    let tokens = Tokens::create(path.clone(), &token(1)).unwrap();
    let added = tokens.add(sales(2, "shop"), NOW).unwrap();
    let over = NOW.after(DAY);
    assert_eq!(added.expires_at, Some(over));
    let name = tokens.sign_in(&token(2).reveal(), NOW).unwrap().0;
    for tokens in [&tokens, &Tokens::open(path).unwrap()] {
        let of = |now| tokens.bearer(&token(2).reveal(), now).map(|bearer| bearer.label);
        assert_eq!(of(over.before(Duration::from_millis(1))).as_deref(), Ok("shop"));
        assert_eq!(of(over), Err(NotBorne::Expired));
        assert_eq!(tokens.still(name, over), None, "nor does a session that it began");
        assert!(tokens.bearer(&token(1).reveal(), NOW.after(DAY * 10_000)).is_ok(), "the first one never expires");
    }
    let again = tokens.add(AddToken { life: TokenLife::Never, ..sales(2, "shop") }, over).unwrap();
    assert_eq!(again.expires_at, Some(over), "repeating does not lengthen a life");
    assert_eq!(tokens.list().len(), 2, "it is listed until it is ended");
}

#[test]
fn a_life_is_a_number_of_days_or_said_to_be_endless() {
    let home = tempfile::tempdir().unwrap();
    let tokens = Tokens::create(home.path().join("tokens.json"), &token(1)).unwrap();
    for days in [0, TokenLife::DAYS_MAX + 1] {
        let wanted = AddToken { life: TokenLife::Days(days), ..sales(2, "shop") };
        assert!(matches!(tokens.add(wanted, NOW), Err(TokenError::Life)), "{days}");
    }
    let wanted = AddToken { life: TokenLife::Never, ..sales(2, "shop") };
    assert_eq!(tokens.add(wanted, NOW).unwrap().expires_at, None);
    let said = |text: &str| serde_json::from_str::<TokenLife>(text).unwrap();
    assert_eq!((said("\"never\""), said("{\"days\":7}")), (TokenLife::Never, TokenLife::Days(7)));
    assert_eq!(TokenLife::default(), TokenLife::Days(90));
}

#[test]
fn operators_are_never_locked_out_by_the_calendar() {
    let home = tempfile::tempdir().unwrap();
    let tokens = Tokens::create(home.path().join("tokens.json"), &token(1)).unwrap();
    let operator = |seed, label: &str, life| AddToken { role: Role::Operator, life, ..sales(seed, label) };
    tokens.add(operator(2, "for-a-day", TokenLife::Days(1)), NOW).unwrap();
    assert!(matches!(tokens.remove("operator"), Err(TokenError::LastOperator)), "the other one ends tomorrow");
    tokens.add(operator(3, "lasting", TokenLife::Never), NOW).unwrap();
    tokens.remove("operator").unwrap();
    tokens.remove("for-a-day").unwrap();
    assert!(matches!(tokens.remove("lasting"), Err(TokenError::LastOperator)));
}

#[test]
fn a_file_of_an_earlier_version_reads_and_its_tokens_have_no_end() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("tokens.json");
    let hash = base64url::encode(&token(1).hash());
    let old = format!("{{\"tokens\":[{{\"role\":\"operator\",\"label\":\"operator\",\"token_hash\":\"{hash}\"}}]}}");
    private_file::create(&path, old.as_bytes()).unwrap();
    let tokens = Tokens::open(path).unwrap();
    assert!(tokens.bearer(&token(1).reveal(), NOW.after(DAY * 10_000)).is_ok());
    assert_eq!(tokens.list()[0].expires_at, None);
}
