# Pages for buyers and holders, in plain English

## The start page
start-title = Welcome
start-heading = Tickets that open with a My Number Card
start-what = You register a card for your ticket. On the day you place the card at the entrance and enter 4 digits.
start-register = I bought a ticket and have not registered a card
start-register-what = Open the link that the shop sent you, or paste it here.
start-ticket = I have registered a card
start-ticket-what = See the ticket's state. Stop it when the card is lost.

## The face of a ticket
face-starts = Begins { $starts } (Japan time)
face-seat = Seat
face-entrance = Entrance
face-window = Entry

## The promise
promise = Your name, address and My Number are not read
promise-more = What is read
promise-now = Now: the whole user authentication certificate of the card (利用者証明用). This server checks it in memory only and does not keep it.
promise-gate = At the entrance on the day: 256 bytes of it.
promise-kept = What stays: values for comparing, which work for this event only, and whether the certificate is valid until then. Nothing of the card can be read from them.
promise-dates = The certificate has a number and an end date, which can be your birthday; neither is kept. Your photo and the certificate for signatures are not read.

## Registering
register-title = Register a card
register-heading = Register a card for your ticket
register-how = What to do
register-step-ready = Have three things ready: a card reader on this computer, your My Number Card, and the card helper (the program kido-card; install it once).
register-step-open = Open the card helper with the button below and place the card.
register-step-digits = Enter your 4 digits (利用者証明用) in the card helper. Never on this page.
helper-get = Get it here (opens another page)
helper-get-shop = The shop tells you where to get it.
open-helper = Open the card helper
register-no-code = This page was loaded again, so it cannot open the card helper. Please open the link from your message once more.
helper-not-opened = If the card helper does not open
helper-by-hand = Run this command in a terminal (on Windows: PowerShell), and paste your link when it asks.
copy-command = Copy the command
copy-link = Copy the link
copied = Copied
register-waiting = Waiting for your card. This page changes by itself.
register-talking = The card helper is talking to us
register-talking-next = Please follow what the card helper says.
register-bound = Your card is registered
register-bound-next = On the day, place this card at the entrance.
register-checked = Checked: the certificate comes from an authority that is trusted here and is valid today, and this card holds its key. Not checked: whether the certificate has been revoked, for example after the card was reported lost; we are not told that.
keep = Keep your new link
keep-what = The card helper shows the new link of your ticket (…/t#…). Copy or print it. The old link no longer works.
keep-why = It shows you the ticket, and stops it if you lose the card. Give it to nobody.
keep-not-you = If it was not you who registered a card, tell the shop at once.
register-no-script = This page needs JavaScript. Without it, run kido-card register in a terminal and paste your link.
card-ends = Your card's certificate ends before the event. Renewing it gives the card a new key, which this ticket does not know. When you have renewed it, ask the shop for a new link, and register again.
not-paid = Your payment is not confirmed yet. Please pay in time, or the ticket goes back to the shop.

## Phones
phone-what = Phones: not yet
phone-next = Open this link on a computer with a card reader, perhaps a friend's, or come to the venue's desk.
computer-needed = You can do this on a computer with a card reader, or at the venue's desk.

## A link by hand
link-label = The link you were sent
link-help = Paste the whole link, including what follows the #.
link-open = Open

## By the card
by-card = Without a link: by the card
by-card-what = The registered card opens its ticket, too. On a computer with a card reader, run this command in a terminal (on Windows: PowerShell).
by-card-event = In the place of EVENT: the event's number. It stands on the ticket's page, also on a print of it; the shop knows it.

## The ticket
ticket-title = Ticket
ticket-heading = See your ticket
ticket-opening = Open the new link (…/t#…) that you got when you registered your card.
ticket-no-script = This page needs JavaScript. Without it, run kido-card show in a terminal and paste your link.
ticket-ready = Ready
ticket-ready-next = On the day, place your registered card at the entrance and enter your 4 digits (利用者証明用).
ticket-not-paid = Not paid yet
ticket-not-paid-next = Please pay in time, or the ticket goes back to the shop.
ticket-inside = Entered
ticket-inside-next = If this was not you, please tell the venue's desk.
ticket-suspended = Stopped (card lost)
ticket-suspended-next = Nobody can enter with this ticket. When you find the card, that card can put it back in force.
ticket-over = Entry has closed
ticket-over-next = The time for entering with this ticket is over.
ticket-cancelled = Cancelled
ticket-cancelled-next = Please ask the shop.
ticket-returned = Returned to the shop
ticket-returned-next = Please ask the shop.
ticket-replaced = Your card was used, so the link has changed. Open the new link from the card helper to see everything again.
ticket-talking = The card helper is talking to us
actions = What you can do
try = Try your card
try-what = See in advance that the card and your 4 digits work. Nobody is admitted by it.
try-open = Open the card helper
try-choose = Choose “Try my card, see my ticket” there. You get a new link at the end.
lost = I lost my card
lost-what = Stops the ticket at once. Whoever finds the card cannot enter either.
lost-ask = Stop this ticket?
lost-ask-what = Only the registered card can put it back in force. Please report the card itself to the My Number call centre too.
lost-yes = Yes, stop it
lost-no = No
found = I found my card
found-what = The registered card and your 4 digits put the ticket back in force.
found-open = Open the card helper
found-choose = Choose “I found my card” there. You get a new link at the end.
print = Print

## History
history = What happened
history-kept = Times are to the minute, in Japan time. It is kept until { $until }; after that the organiser deletes it.
history-bound = A card was registered
history-shown = The registered card was shown
history-suspended = { $by ->
    [holder] The ticket was stopped because the card was lost
    [operator] The organiser stopped the ticket
    [sales] The shop stopped the ticket
   *[desk] The desk stopped the ticket
}
history-resumed = { $by ->
    [holder] The registered card put the ticket back in force
    [operator] The organiser put the ticket back in force
    [sales] The shop put the ticket back in force
   *[desk] The desk put the ticket back in force
}
history-cancelled = { $by ->
    [holder] The ticket was cancelled
    [operator] The organiser cancelled the ticket
    [sales] The shop cancelled the ticket
   *[desk] The desk cancelled the ticket
}
history-paid = { $by ->
    [operator] The organiser confirmed the payment
   *[other] The shop confirmed the payment
}
history-released = { $by ->
    [operator] The organiser took the reservation back
   *[other] The shop took the reservation back
}
history-code-replaced = { $by ->
    [holder] The link was replaced
    [operator] The organiser made a new link
    [sales] The shop made a new link
   *[desk] The desk made a new link
}
history-admitted = Entered at entrance { $entrance }
history-annulled = The entry at entrance { $entrance } was taken back: nobody had passed
history-exited = Left through entrance { $entrance }
# The codes are those of pages.md.
history-refused = Card shown at entrance { $entrance }, not let in: { $code ->
    [12] another entrance
    [13] too early
    [14] too late
    [15] the ticket was suspended
    [16] the ticket was cancelled
    [17] the payment was not confirmed
    [18] the ticket had been used already
    [19] every entry had been used
    [23] nobody said how many enter
    [37] staff had to look, the lane had not opened
    [38] the lane did not open
   *[other] the gate could not decide
} ({ $code })
history-conflict = A second entry with this ticket was found at entrance { $entrance }
history-conflict-settled = The second entry at entrance { $entrance } was none: the other one had ended

## When it does not work
excuse-incomplete-what = This link is not complete
excuse-incomplete-next = Go back to the message and copy the whole link, including what follows the #.
excuse-unknown-what = There is no ticket for this link
excuse-unknown-next = Please look at the link again. If it is right, ask the shop.
excuse-used-what = This link no longer works
excuse-used-next = If you registered a card, use the new link (…/t#…) that you got then. If you did not, tell the shop at once.
excuse-replaced-what = This link is out of date
excuse-replaced-next = Every use of the card makes a new link. Use the newest one, or open your ticket by the card itself.
excuse-cancelled-what = This ticket was cancelled
excuse-cancelled-next = Please ask the shop.
excuse-returned-what = This ticket is with the shop again
excuse-returned-next = Please ask the shop.
excuse-over-what = Entry with this ticket has closed
excuse-over-next = The time for entering is over, so no card can be registered.
excuse-is-holders-what = A card is registered already
excuse-is-holders-next = This link shows a ticket. Please open it on the ticket's page.
excuse-is-registration-what = No card is registered yet
excuse-is-registration-next = This link registers a card. Please open it on the page for that.
excuse-too-many-tries-what = Too many wrong links came from here
excuse-too-many-tries-next = Wait a minute, then open the whole link again.
excuse-other-tab-what = Another tab has opened another ticket
excuse-other-tab-next = Open the link of this ticket again. Nothing has changed.
excuse-page-over-what = This page is closed now
excuse-page-over-next = It stays open for an hour at most. Please open the link again.
excuse-not-now-what = That was not possible: the ticket has changed
excuse-not-now-next = Open the link again to see how it is now.
unreachable = We cannot be reached. Please check your connection; this page goes on by itself.

## Error pages
error-home = To the start page
error-nothing-here-what = There is nothing here
error-nothing-here-next = Please check the address, or open the link you were sent again.
error-not-understood-what = That was not accepted
error-not-understood-next = Please open the link again and start over.
error-too-many-what = Too many requests
error-too-many-next = Wait a minute, then try again.
error-recovering-what = This event's registration is paused for a moment
error-recovering-next = Your ticket is safe, and your card opens what it opened. Try again in a few minutes.
error-busy-what = We are very busy
error-busy-next = Wait a minute, then try again.
error-failed-what = Something failed on our side
error-failed-next = Wait a few minutes, then try again. Your ticket is as it was.
error-trace = If you ask us, say this number: { $trace }
