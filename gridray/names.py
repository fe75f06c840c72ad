"""Random names for runs that the user does not name: `happy-otter-412`."""

import random

ADJECTIVES = (
    "able amber bold brave bright brisk calm clever cosy crisp dapper eager early fair fancy fast "
    "fine fond frank fresh gentle glad golden grand happy hardy hasty honest humble jolly keen "
    "kind lively lucky mellow merry mighty modest neat nimble noble patient placid plucky polite "
    "proud quick quiet rapid ready shiny silent silver smart snug solid steady sturdy sunny swift "
    "tidy tough vivid warm wise witty young zesty"
).split()
ANIMALS = (
    "ant badger bat bear beaver bee bison bobcat camel cat cobra crab crane crow deer dingo dove "
    "duck eagle eel elk falcon ferret finch fox frog gecko goat goose hare hawk heron ibex jay "
    "koala lark lemur lion llama lynx magpie marten mole moose moth mouse newt ocelot orca otter "
    "owl panda parrot pony puffin puma quail rabbit raven robin salmon seal shark sloth snail "
    "stork swan tapir tiger toad trout turtle viper walrus weasel whale wolf wombat wren yak zebra"
).split()


def random_name() -> str:
    chance = random.SystemRandom()
    number = chance.randint(100, 999)
    return f"{chance.choice(ADJECTIVES)}-{chance.choice(ANIMALS)}-{number}"
