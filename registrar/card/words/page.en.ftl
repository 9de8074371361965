# What the card helper's own page says, in plain English.

## Frame
page-title = Card registration
page-skip = Skip to content
page-rehearsal = Rehearsal: not the real event
page-language = Language / 言語
page-way = Steps
page-way-ticket = Ticket
page-way-card = Card
page-way-digits = 4 digits
page-way-done = Done
page-no-script = This page needs JavaScript. Without it, run kido-card register in a terminal.
page-about = This ticket
page-more = Details
page-stop = Stop
page-go-on = Go on
page-again = Try again
page-again-other-card = Try again with another card
page-again-link = Use another link
page-close = I have kept it. Finish
page-finish = Finish
page-fact-event = Event
page-fact-starts = Begins
page-fact-seat = Seat
page-fact-entrance = Entrance
page-fact-state = State
page-fact-window = Entry
page-fact-address = Registrar
page-window = { $from } to { $until }
page-state = { $state ->
    [reserved] reserved
    [unbound] no card yet
    [bound] registered to your card
    [suspended] suspended (reported lost)
    [returned] given back
    [cancelled] cancelled
   *[other] unknown
}

## Steps
page-starting = Getting ready
page-link = Enter the link you were sent
page-link-next = Copy it from the message, and paste it here.
page-link-field = Link
page-link-help = https://…/r#… or https://…/t#…, with everything behind the #
page-which = What would you like to do?
page-which-next = Either takes your card and its PIN.
page-which-show = Try my card, see my ticket
page-which-resume = I found my card (end the suspension)
page-host = You have not used this registrar before
page-host-next = Is this the name of your shop or organiser? If you do not know it, stop here. Nothing has been sent yet.
page-host-field = Name of the registrar
page-host-help = Type the name as it stands above. You will not be asked again.
page-host-send = Use this registrar
page-asking = Asking the registrar
page-put-card = Place your My Number Card on the reader
page-put-card-next = Leave it there until you are told to take it.
page-put-card-reader = Reader: { $reader }
page-reading = Reading. Leave the card in place
page-pin = Enter your PIN
page-pin-at-reader = Type your PIN on the card reader
page-pin-at-reader-next = 4 digits (利用者証明用) on the reader's keys, then its OK key. { $tries ->
    [one] { $tries } try left.
   *[other] { $tries } tries left.
}
page-pin-bind = This registers your card for this ticket. Then only this card can enter with it.
page-pin-prove = This proves that the card is yours. It admits nobody.
page-place = Seat { $seat }, entrance { $entrance }
page-pin-field = 4 digits (利用者証明用), { $tries ->
    [one] { $tries } try left
   *[other] { $tries } tries left
}
page-pin-help = Not shown on the screen. It goes to the card alone and is forgotten at once.
page-pin-send-bind = Confirm and register
page-pin-send = Confirm
page-signing = Checking
page-signing-next = Leave the card in place.
page-sending = Sending the proof
page-sending-next = You can take your card. The PIN is forgotten.
page-bound = Your card is registered
page-bound-next = Take your card. On the day, it is your ticket.
page-resumed = The suspension has ended
page-resumed-next = Take your card. What the ticket still lets in stands on its page.
page-shown = Your card works
page-shown-next = Take your card. Nothing has changed.
page-closed = Finished
page-closed-next = You can close this page.

## The holder's link
page-holder = Your own new link
page-holder-keep = Shown only now; the old link is used up. Keep it like a key and give it to nobody. You need it to see your ticket and to report a lost card.
page-holder-picture = QR code of your new link
page-holder-copy = Copy
page-holder-print = Print
page-holder-copied = Copied. Paste it somewhere safe.
page-holder-not-copied = Could not copy. Select the link and copy it, or print this page.

## The page's own end
page-lost = The program has ended
page-lost-next = Close this page, and open your link once more.
page-taken = This page was opened somewhere else
page-taken-next = It has ended to be safe. Close it, and open your link once more. Somebody else may be using this computer.
page-stopped = Stopped
page-stopped-next = Take your card. To go on, open your link once more.
page-unattended = Ended, because nobody answered
page-unattended-next = Take your card. To go on, open your link once more.
page-broken = The program does not work
page-broken-next = Close this page, and open your link once more. If that does not help, ask the shop.
page-host-list = The list of registrars cannot be read
page-host-list-next = Ask whoever looks after this computer; the details are below.

## Reader and card
page-no-reader = Connect a card reader
page-no-reader-next = Plug in a USB reader; this goes on by itself.
page-no-service = The smart card service is not running
page-no-service-next = On Linux install and start pcscd (apt install pcscd); on Windows start the service Smart Card.
page-several-readers = Which reader would you like to use?
page-several-readers-next = Choose the one that your card will lie on.
page-reader-failed = The reader does not answer
page-reader-failed-next = Unplug the reader, and plug it in again.
page-no-card = No card was placed
page-no-card-next = Place the card in the middle of the reader, then try again.
page-card-left = The card was taken away too early
page-card-left-next = Place it again, and leave it there until you are told.
page-card-in-use = Another program is using the card
page-card-in-use-next = Close it: a tax program, or another browser.
page-card-mute = The card does not answer
page-card-mute-next = Turn it over, or place it again.
page-card-unreadable = The card could not be read
page-card-unreadable-next = Place it again. If it goes on, ask your city office.
page-not-my-number-card = This is not a My Number Card
page-not-my-number-card-next = Please use your My Number Card.
page-phone = Phones do not work here yet
page-phone-next = Please use the card itself.

## The PIN
page-wrong-pin = { $tries ->
    [one] Wrong PIN. { $tries } try left
   *[other] Wrong PIN. { $tries } tries left
}
page-wrong-pin-next = Make sure it is the 4-digit one (利用者証明用). If you cannot remember it, stop: your city office can reset it.
page-pin-not-entered = No PIN was entered on the card reader
page-pin-not-entered-next = No try was used. Begin again, and type the 4 digits on the reader's keys.
page-pin-malformed = These are not 4 digits
page-pin-malformed-next = The PIN has 4 digits. Nothing was sent to the card.
page-last-try = Only one try is left
page-last-try-next = To keep your card from locking, the PIN is not asked for here any more. Your city office can reset it.
page-pin-locked = The PIN is locked
page-pin-locked-next = Your city office can unlock it. Then open your link once more.
page-no-pin = This card has no PIN
page-no-pin-next = Ask the organiser's desk for another way in.

## The certificate
page-certificate = The card's certificate was not accepted
page-certificate-next = If it has expired, your city office can renew it. Otherwise ask the organiser's desk.
page-personal-certificate = The card shows a certificate with a name in it
page-personal-certificate-next = It was not sent anywhere. Ask the organiser's desk.
page-other-card = The ticket is registered to another card
page-other-card-next = Use the card that it was registered with.
page-no-ticket-on-card = This card has no ticket of this event
page-no-ticket-on-card-next = You may have registered another card.
page-card-full = This card can hold no more tickets of this event
page-card-full-next = Register the card of the person who will come with you.

## The registrar
page-unreachable = The registrar cannot be reached
page-unreachable-next = Check your internet connection, then try again.
page-timed-out = The registrar did not answer in time
page-timed-out-next = Wait a little, then try again. If it then says that the link was used, look at your ticket with your card.
page-busy = Many people are registering right now
page-busy-next = Wait a minute, then try again.
page-odd-registrar = What answered is no registrar of tickets
page-odd-registrar-next = Ask the shop whether the link is right.
page-no-https = Secure connections cannot be made
page-no-https-next = This computer needs an update. Ask whoever looks after it.
page-proof-refused = The registrar could not verify the card
page-proof-refused-next = Try again; if that does not help, ask the organiser's desk.
page-registrar-says = The registrar did not accept this
page-registrar-says-next = Tell the shop what the details below say.
page-expired = It took too long
page-expired-next = Nothing has changed. Please try again.
page-host-not-typed = That is not the registrar's name
page-host-not-typed-next = Nothing was sent. Make sure of the name, and type it again.

## The ticket and its link
page-unknown-code = No ticket has this link
page-unknown-code-next = Make sure that you copied all of it.
page-code-used = This link has been used
page-code-used-next = If it was you, use the new link that you were shown then. If not, tell the shop at once.
page-code-dead = This ticket was cancelled or given back
page-code-dead-next = Please ask the shop.
page-not-possible = The ticket does not allow this now
page-not-possible-next = A ticket that is not suspended works already. Otherwise ask the shop.
page-too-many-changes = This ticket was changed too often today
page-too-many-changes-next = Try again tomorrow, or ask the shop.
page-bad-link = This is not a ticket link
page-bad-link-next = Copy all of it from the message, with what stands behind the #.
page-insecure-link = This link is not secure
page-insecure-link-next = Nothing was sent. Ask the shop for a link that begins with https.
page-link-as-argument = The link could not be taken over
page-link-as-argument-next = Paste it on the next screen.
