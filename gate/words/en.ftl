# The lane's sentences in plain English.

## What to do
idle = Place your My Number Card in the tray
reading = One moment, leave the card in place
ask-pin = Enter your 4-digit PIN (利用者証明用)
ask-pin-at-reader = Enter your 4-digit PIN (利用者証明用) on the keys of the card reader
tries-left = { $tries ->
    [one] { $tries } try left
   *[other] { $tries } tries left
}
proving = One moment, leave the card in place
pin-gone = Your PIN is not kept
ask-party = How many of you are entering?
ask-leaving = How many of you are leaving?
party-most = { $most } at most
welcome = Welcome. { $zone } { $seats }
goodbye = Thank you. See you again
take-card = Please take your card
card-forgotten = A card is still in the tray

## Before a proof
desk = Please go to the help desk
other-entrance = Please use entrance { $zone }
too-early = Doors open for you at { $time }
too-late = Entry for this ticket has closed. Please go to the help desk
not-my-number-card = This is not a My Number Card. Please place yours
unreadable = Could not read the card. Please place it again
card-left = To enter, please place the card again and leave it there
phone = Phones do not work here yet. Use your card or go to the help desk
no-pin = This card has no PIN. Please go to the help desk
pin-locked = The PIN is locked. Please go to the help desk (your city office can unlock it)
too-few-tries = To keep your card from locking, please go to the help desk
wrong-pin = { $tries ->
    [one] Wrong PIN, { $tries } try left. Take the card and place it again
   *[other] Wrong PIN, { $tries } tries left. Take the card and place it again
}
proof-failed = We could not verify the card. Please go to the help desk
one-moment = One moment please
lane-closed = This lane is closed. Please use the next one

## Which part of a closed lane is out of order, for staff
part-line = No connection
part-replica = Data is too old
part-clock = Clock is uncertain
part-storage = Storage does not work
part-reader = Card reader does not work
part-barrier = Barrier does not work

## After a proof
suspended = This ticket is suspended (reported lost). Please go to the help desk
cancelled = This ticket was cancelled. Please go to the help desk
not-paid = Payment is not confirmed. Please go to the help desk
already-in = Already entered at { $time }. Please go to the help desk
already-in-by = Already entered at { $time }, entrance { $entrance }. Please go to the help desk
spent = This ticket has been used
stored-not-opened = Your entry is recorded. We are calling a member of staff

## Around the sentence
rehearsal = Rehearsal: not a real entry
another-day = { $clock } on { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}
