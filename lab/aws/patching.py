"""How the extensions of moto get into its classes."""


def put(functions_by_class):
    """Put each function into its class under its own name. Doing it again changes nothing."""
    for owner, functions in functions_by_class.items():
        for function in functions:
            setattr(owner, function.__name__, function)
