/* A PKCS#11 library that is SoftHSM2's but for the calls that a file names: `NAME CODE` answers CODE (a CK_RV in hex)
   instead of the call, `NAME hang` never returns, `NAME crash` ends the process. Every C_Login leaves a line in
   FAULTS.logins. FAULTS and LIBRARY are given when it is compiled. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long (*Call)(long, long, long, long, long, long, long, long);
struct functions { long version; Call calls[68]; };

static struct functions ours, *theirs;

static unsigned long fault(const char *name) {
    char line[128], which[64], what[64];
    unsigned long code = 0;
    FILE *file = fopen(FAULTS, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%63s %63s", which, what) == 2 && !strcmp(which, name)) {
            if (!strcmp(what, "hang")) for (;;) pause();
            if (!strcmp(what, "crash")) abort();
            code = strtoul(what, 0, 16);
        }
    fclose(file);
    return code;
}

#define FAULTY(NAME, PLACE)                                                                                    \
    static unsigned long NAME(long a, long b, long c, long d, long e, long f, long g, long h) {                \
        unsigned long code = fault(#NAME);                                                                     \
        return code ? code : theirs->calls[PLACE](a, b, c, d, e, f, g, h);                                     \
    }

FAULTY(GetSlotList, 4)
FAULTY(OpenSession, 12)
FAULTY(CreateObject, 20)
FAULTY(DestroyObject, 22)
FAULTY(Encrypt, 30)
FAULTY(EncryptInit, 29)
FAULTY(Sign, 43)
FAULTY(GenerateKey, 58)
FAULTY(GenerateKeyPair, 59)
FAULTY(GenerateRandom, 64)

static unsigned long Login(long a, long b, long c, long d, long e, long f, long g, long h) {
    unsigned long code = fault("Login");
    FILE *file = fopen(FAULTS ".logins", "a");
    if (file) {
        fputs("login\n", file);
        fclose(file);
    }
    return code ? code : theirs->calls[18](a, b, c, d, e, f, g, h);
}

unsigned long C_GetFunctionList(struct functions **list) {
    void *library = dlopen(LIBRARY, RTLD_NOW);
    unsigned long (*get)(struct functions **) = library ? dlsym(library, "C_GetFunctionList") : 0;
    if (!get || get(&theirs)) return 5; /* CKR_GENERAL_ERROR */
    memcpy(&ours, theirs, sizeof ours);
    ours.calls[4] = GetSlotList;
    ours.calls[12] = OpenSession;
    ours.calls[18] = Login;
    ours.calls[20] = CreateObject;
    ours.calls[22] = DestroyObject;
    ours.calls[29] = EncryptInit;
    ours.calls[30] = Encrypt;
    ours.calls[43] = Sign;
    ours.calls[58] = GenerateKey;
    ours.calls[59] = GenerateKeyPair;
    ours.calls[64] = GenerateRandom;
    *list = &ours;
    return 0;
}
