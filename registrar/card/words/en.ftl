# What the card helper says, in plain English.

## Questions
ask-registration-link = Paste the link you were sent (https://…/r#…), then press Enter:
ask-holder-link = Paste the link of your ticket (https://…/t#…), then press Enter:
page-address = Your browser opens this page. If it does not, open it yourself; it works once:
page-address-plain = Open this page in your browser; it works once:
host-unknown = You have not used this address before: { $origin }
host-type-name = If this is the shop's or organiser's address, type its name ({ $host }) to go on. Nothing has been sent yet:
host-remembered = Remembered in { $file }
host-not-remembered = The name could not be remembered; it counts for this time.
go-on = Go on? Type y and press Enter:
ask-pin = 4 digits (利用者証明用):
type-at-reader = Type your 4 digits (利用者証明用) on the keys of the card reader, then its OK key.

## What will happen
asking-registrar = Asking { $origin } …
rehearsal = *** REHEARSAL: not a real event, not a real ticket ***
event = { $name }, begins { $starts }
ticket = { $zone }, { $seat }, entry { $from } to { $until }, { $state ->
    [reserved] reserved
    [unbound] no card yet
    [bound] registered to a card
    [suspended] suspended
    [returned] given back
    [cancelled] cancelled
   *[other] state unknown
}, { $paid ->
    [yes] paid
   *[no] not paid yet
}
will-bind = Your card will be registered for this ticket. Then only this card can enter with it.
will-resume = Your card will prove itself, and the ticket that was reported lost works again.
will-show = Your card will prove itself. This changes nothing and admits nobody.
not-read = Your name, address and My Number are not read.
will-sign = Your card will sign: { $label } · { $fingerprint }

## The card
waiting-for-reader = Please connect a card reader.
waiting-for-card = Please place your My Number Card on the reader ({ $reader }).
reading = Reading. Please leave the card in place.
tries-left = { $tries ->
    [one] The PIN has { $tries } try left.
   *[other] The PIN has { $tries } tries left.
}
signing = One moment, leave the card in place.
take-card = The PIN is forgotten and the card has no power. You can take your card.
sending-proof = Sending the proof …

## Done
done-bound = Done. Your card is registered.
done-resumed = Done. The suspension has ended.
done-shown = Your card works. These are its tickets:
not-paid-yet = Payment is not confirmed yet. Please pay in time, or the ticket goes back to the shop.
certificate-ends = Your card's certificate ends before the event. Renewing it gives the card a new key, which this ticket does not know. When you have renewed it, ask the shop for a new link, and register again.
revocation-not-checked = Checked: the certificate comes from an authority that the registrar trusts and is valid today, and this card holds its key. Not checked: whether it has been revoked, for example after the card was reported lost; the registrar is not told that.
holder-link = The old link is used up. This is the new one, shown only now:
holder-link-keep = Keep it like a key: with it you can see your ticket and report a lost card. Give it to nobody.

## Status
rehearsal-anchors = *** REHEARSAL: test cards are accepted too ***
status-card = A My Number Card lies on { $reader }.
status-certificate-accepted = Certificate (利用者証明用): accepted.
status-certificate-refused = Certificate (利用者証明用): refused ({ $reasons }).

## Doctor
check-ok = [ ok ] { $text }
check-note = [ –  ] { $text }
check-problem = [ !! ] { $text }
service-ok = The smart card service is running.
reader-ok = Reader: { $reader }
pin-typed-here = The PIN is typed on this computer: the reader has no keys of its own that can be used.
pin-typed-at-reader = The PIN is typed on the reader's own keys and never reaches this computer. Readers with keys were not tried; --no-pinpad does without.
card-ok = A My Number Card lies on the reader and answers.
card-none = No card lies on the reader. That is fine for now.
server-ok = { $origin } answers.
server-not-named = No registrar was asked. Name one with --server to test the network and the clock.
clock-ok = The clock of this computer is right.
clock-off = The clock of this computer is wrong: { $here } here, { $there } there. Set it to automatic.
clock-unknown = The clock could not be compared.

## What went wrong, and what to do: link and host
problem-link-empty = No link was given. Paste it when asked, or give it as the first line of standard input.
problem-link-insecure = This link is not secure (http). Nothing was sent. Ask the shop for a link that begins with https.
problem-link-malformed = This is not a ticket link. Copy the whole link from the message, including what follows the #.
problem-link-code = The link is incomplete or damaged. Copy the whole link from the message, including what follows the #.
problem-link-as-argument = A link does not belong on the command line, where others can read it. Run the command without it, and paste the link when asked.
problem-link-is-registration = This link (/r) registers a card. Use: kido-card register
problem-link-is-holder = This is the link of a registered ticket (/t). To see the ticket use: kido-card show. If you had reported the card lost: kido-card resume
problem-registrar-list = The list of registrars cannot be read. Repair or delete the file, or name another with --registrars.
problem-host-not-confirmed = The name { $host } was not typed, so nothing was sent. If you trust it, run the command again and type the name, or name it with --yes-host.
problem-declined = Stopped, as you wished. Nothing has changed.
problem-cancelled = Stopped. The card has no power; you can take it. If the proof was already sent, see your ticket by kido-card show.
problem-no-terminal = There is no terminal to type the PIN on. Run it in a terminal, or use --pin-stdin.
problem-unattended = Nobody answered on the page, so the program has ended. Nothing was sent since.
problem-page-taken = The address of the page was used twice, so it was closed. Somebody else on this computer may have read it.
problem-page = No page could be opened on this computer. Use kido-card register in a terminal.
problem-no-input = The input ended too early.
problem-start = The program could not start. Please try again.
problem-trust-anchor = This file is not a usable root certificate in DER: { $file }

## Reader and card
problem-no-service = The smart card service is not running. Install and start pcscd (Debian: apt install pcscd; systemctl start pcscd.socket).
problem-no-service-windows = The smart card service is not running. Start "Smart Card" (SCardSvr) in Services.
problem-no-service-macos = The smart card service is not running. Connect the reader and try again.
problem-no-reader = No card reader was found. Connect one and try again.
problem-reader-not-found = No reader has that name. There are: { $readers }
problem-several-readers = There are several readers. Choose one with --reader: { $readers }
problem-no-card = No card was placed on { $reader }. Please try again.
problem-card-in-use = Another program uses the card. Close it (a browser, a tax program) and try again.
problem-card-mute = The card does not answer. Turn it over or place it again.
problem-reader-failed = The reader failed. Unplug it, plug it in and try again.
problem-card-left = The card was taken away too early. Please try again and leave it in place.
problem-card-malformed = The card's answer could not be understood. Please try again.
problem-card-unreadable = The card could not be read ({ $why }). Please try again; if it goes on, ask your city office.
problem-not-my-number-card = This is not a My Number Card. Please use yours.
problem-phone = Phones do not work here yet. Please use your card.

## PIN
problem-pin-malformed = The PIN (利用者証明用) has 4 digits. Nothing was sent to the card.
problem-pin-not-entered = No PIN was entered on the card reader. No try was used. Please begin again.
problem-wrong-pin = { $tries ->
    [0] Wrong PIN. It is locked now. Your city office can unlock it.
    [one] Wrong PIN, { $tries } try left. To keep it from locking it is not asked for again here; your city office can reset it.
   *[other] Wrong PIN, { $tries } tries left. Please make sure of it before you try again.
}
problem-too-few-tries = Only one try is left. To keep your card from locking, the PIN is not asked for. Your city office can reset it.
problem-pin-locked = The PIN is locked. Your city office can unlock it.
problem-no-pin = This card has no PIN. Please ask the organiser's desk.

## Certificate
problem-certificate = The card's certificate was not accepted. It may have ended; your city office can renew it. Otherwise ask the organiser's desk.
problem-signature-certificate = The card shows a certificate that carries name and address. It was not sent anywhere. Please ask the organiser's desk.

## Registrar
problem-session-expired = It took too long, and the dialogue has ended. Nothing has changed. Please begin again.
problem-registrar-unreachable = The registrar cannot be reached. Check the network and the link, and try again.
problem-registrar-timeout = The registrar did not answer in time. Please try again; if the proof was already sent, see your ticket first.
problem-redirected = The registrar pointed to another address, which is not followed. Ask the shop for a correct link.
problem-registrar-answer = What answered is no registrar of tickets, or another version. Check the link; update this program.
problem-tls = Secure connections cannot be made on this computer. Install its root certificates (Debian: apt install ca-certificates).
problem-registrar-says = The registrar says: { $detail }
problem-unknown-code = No ticket has this code. Copy the whole link from the message.
problem-code-used = This link has been used. If it was you, use the new link you were shown then; if not, tell the shop at once.
problem-code-dead = The ticket of this link was cancelled or given back. Please ask the shop.
problem-not-possible = The ticket's state does not allow this now. Look at it with kido-card show, or ask the shop.
problem-proof-refused = The registrar could not verify the card. Check the link's address and try again; otherwise ask the organiser's desk.
problem-registrar-busy = Many people are registering right now. Please try again in a minute.
problem-other-card = The ticket is registered to another card. Please use that one.
problem-no-ticket-on-card = This card has no ticket of this event. You may have registered another card or a phone.
problem-card-full = This card already holds as many tickets of this event as it may.
problem-too-many-changes = This ticket was changed too often today. Please try again tomorrow or ask the shop.
