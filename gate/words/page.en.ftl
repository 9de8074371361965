# What stands on the lane's page around the sentences of its screens.

title = Entry lane
entrance = Entrance
lane = Lane
welcome-word = Welcome
zone = Zone
seat = Seat
delete = Delete
cancel = Cancel
enter = OK
people = people
