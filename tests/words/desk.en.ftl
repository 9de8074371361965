title = Demo desk
demo-only = Part of the demo. No real card is used here
language = Language
what = A tour of Kido in nine steps. This page is your hand: it puts virtual cards into the readers. What happens then is on the other pages.
every-pin = The PIN of every card is

tour = The tour
readers = The readers
reader-tray = The lane's tray
reader-home = The reader at home
empty = No card
put-into-tray = Put the card into the lane's tray
put-into-home = Put the card into the reader at home
take-from-tray = Take the card out of the tray
take-from-home = Take the card out of the reader at home
other-card = Another card lies there.
take = Take the card

card-holder = The holder's card
card-copy = The copied card
card-stranger = A stranger's card
card-locked = The locked card
card-buyer = Your own card
you-see = You see:

step-lane = Open the lane's screen
do-lane = Put its window beside this one: there you see what each card brings about.
see-lane = It waits for a card.
open-lane = Open the lane's screen

step-holder = Enter as the holder
do-holder = Put the holder's card into the tray. The lane shows a pad: type { $pin } there.
see-holder = The lane turns green and names the seat, { $holders-seat }. Take the card.

step-again = The same card once more
do-again = Put the same card into the tray again, and type { $pin }.
see-again = Already inside: one ticket lets one person in, once. Take the card.

step-copy = A copy of the card
do-copy = Somebody copied the holder's certificate onto another card. Put that card into the tray, and type { $pin }.
see-copy = No entry: a certificate can be copied, the key in the card cannot. Take the card.

step-stranger = A stranger
do-stranger = A good card that no ticket is registered on. Put it into the tray.
see-stranger = The lane asks for no PIN, says to go to the help desk, and tells nobody why. Take the card.

step-locked = A locked card
do-locked = This card has a ticket, but its PIN was mistyped three times. Put it into the tray.
see-locked = The lane says that the PIN is locked and who can unlock it. It never uses up a card's last try. Take the card.

step-register = Register a ticket yourself
do-register = You have bought the seat { $visitors-seat }. Open the link that the shop sent you, then the card helper: the program that a buyer runs on a computer at home. In the demo it starts with the button here. It asks which host the link leads to: type 127.0.0.1. Put your card into the reader at home when it asks for it, and type { $pin }.
see-register = The ticket is registered, and the first page changes by itself. Take your card, and half a minute later put it into the lane's tray and enter. A link registers once: whoever opens it again is told so. For another try, start the demo anew.
open-register = Open the buyer's link

step-ticket = Lost and found
do-ticket = The page of the holder's ticket, seat { $holders-seat }. Report the card as lost; then find it again: with the card helper, the card in the reader at home, and { $pin }.
see-ticket = The page tells every use of the ticket, to the minute. While the ticket is suspended the lane lets nobody in with it. You may lose and find the card as often as you like.
open-ticket = Open the holder's page

step-console = Look at it as the operator
do-console = Sign in to the console with this token. It ends with the demo, so it may stand on this page; outside a demo a token stays in a file that only its owner reads.
see-console = The event (the one marked as a rehearsal), its gates, the day as it goes, and who did what. Under “Find” the shop's number of your ticket is TOUR-HOLDER. No page tells whose card it was.
open-console = Open the console
token = The demo's token

open-helper = Start the card helper for this ticket
helper-open = Go to the card helper
