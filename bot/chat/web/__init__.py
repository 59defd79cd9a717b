"""The local web page: a playground where one paints as in a chat, and the operator's view of the bot.

It is a front-end like Discord and Telegram, over the same reception. Pages are rendered here, whole or in
pieces; a little plain JavaScript puts the pieces in place as they come.
"""
