/**
 * The words that patterns know, with what they can be, as bits: one word may be several things (`exec` is SQL and
 * shell). Everything that is not here is just a word.
 */

/** SQL: joins conditions; compares; is a constant; a function of SQL; begins a statement; is what CREATE or DROP name. */
export const CONNECTIVE = 1, COMPARES = 2, CONSTANT = 4, SQL_FUNCTION = 8, STATEMENT = 16, OBJECT = 32;

/**
 * Programs. `SURE`: no text says it but as a command. `NAMED`: texts speak of it (python, bash). `PLAIN`: also an
 * English word (find, sleep). `BARE`: does something without arguments. `NUMERIC`: its argument may be a number.
 * `WRAPPER`: runs what follows it. `SHELL`: reads commands.
 */
export const SURE = 64, NAMED = 128, PLAIN = 256, BARE = 512, NUMERIC = 1024, WRAPPER = 2048, SHELL = 4096;

/** Templates: a name that leads out of the sandbox; an object of the framework, as the head of an expression. */
export const ESCAPES = 8192, FRAMEWORK = 16384;

/** Scripts: a function that an injected script calls first. Paths: a place that climbing aims at. */
export const SCRIPT_CALL = 32768, TARGET = 65536;

/** An everyday word: grammars take it for one that they do not know. */
export const EVERYDAY = 131_072;

const WORDS: readonly (readonly [number, string])[] = [
  [CONNECTIVE, "or and xor having where when"],
  [COMPARES, "like rlike regexp ilike in between is sounds glob similar"],
  [CONSTANT, "true false null unknown"],
  [
    SQL_FUNCTION,
    "ascii substr substring mid version database user current_user session_user system_user schema count char chr nchar " +
    "hex unhex ord bin lower upper concat concat_ws group_concat if ifnull nullif coalesce cast convert md5 sha1 sleep " +
    "benchmark exists rand floor extractvalue updatexml xmltype json_extract instr locate strcmp greatest least length " +
    "pg_sleep load_file make_set elt polygon geometrycollection multipoint name_const current_setting db_name host_name " +
    "user_name suser_name is_srvrolemember randomblob sqlite_version load_extension query_to_xml lo_import row conv exp " +
    "iif nvl nvl2 decode to_char to_number substr left right char_length character_length bit_length octet_length quote " +
    "lpad rpad patindex charindex unicode string_agg array_agg pg_read_file pg_ls_dir inet_server_addr sysdate getdate " +
    "sha sha2 newid object_id col_name typeof zeroblob sys_context rawtohex gtid_subset gtid_subtract json_length json_array json_object json_value json_query jsonb_path_exists linestring " +
    "multilinestring multipolygon st_latfromgeohash st_longfromgeohash json_keys current_database dblink_connect",
  ],
  [
    STATEMENT,
    "select insert update delete drop create alter truncate exec execute declare merge grant revoke shutdown waitfor " +
    "backup replace rename load copy attach pragma set call kill",
  ],
  [
    OBJECT,
    "table database view index schema user function procedure trigger column role login sequence tablespace extension",
  ],
  [
    0,
    "union unionselect unionallselect all distinct distinctrow from into values value by order group limit top offset " +
    "not any some case then else end as on to join inner cascade restrict only temporary temp unique if exists with " +
    "identified add modify immediate delay time outfile dumpfile data infile bulk openrowset opendatasource analyse " +
    "analyze information_schema sysobjects syscolumns sysdatabases sqlite_master sqlite_schema pg_catalog pg_tables " +
    "pg_user pg_shadow all_tables user_tables dba_users all_tab_columns mysql msysaccessobjects " +
    "xp_cmdshell xp_dirtree xp_regread xp_fileexist sp_executesql sp_oacreate sp_configure sp_password sp_makewebtask " +
    "master dbms_pipe dbms_lock dbms_ldap dbms_xmlgen utl_http utl_inaddr utl_file ctxsys sys_eval sys_exec lo_export " +
    "version_comment version_compile_os datadir hostname servername global basedir tmpdir secure_file_priv " +
    "program extension return separator using div mod rows collate escape isnull notnull except intersect minus soname " +
    "show explain lock flush use handler desc describe cascade nowait tables databases columns schemas processlist variables grants open read privileges msdb tempdb " +
    "match detach apoc prepare after before instead insertone insertmany updateone updatemany measurement series keyspace retention bucket index option while var dropdatabase db deletemany remove continue",
  ],
  // Operators and keys of MongoDB, behind a `$`.
  [0, "ne eq gt gte lt lte nin regex expr accumulator jsonschema nor elemmatch mod"],
  // Keys whose value says who somebody is: an operator there is no measurement.
  [0, "username login email pass password passwd pwd token apikey api_key secret pin role name uid"],
  [
    SURE,
    "wget chmod chown chgrp netcat ncat busybox certutil bitsadmin mshta rundll32 regsvr32 wscript cscript wmic " +
    "schtasks nslookup tasklist taskkill mkfifo iptables tftp socat crontab useradd adduser usermod groupadd " +
    "systemctl insmod modprobe mkfs xargs lsof chroot setenforce visudo dpkg opkg mknod shred killall pkill " +
    "icacls attrib reg mkdir rmdir curl rm tcpdump setsid xxd egrep fgrep sshpass chattr msfconsole fdisk printf " +
    "cp mv ftpget ftpput fw_setenv flash_erase flashcp nandwrite i2cset i2cget i2cdetect vcgencmd nmcli iwconfig " +
    "iwlist wpa_cli ubus mosquitto_pub mosquitto_sub mosquitto_passwd usleep journalctl timedatectl ufw nft podman " +
    "mysqldump pg_dump smbclient showmount tshark strace gdbserver tclsh npx vssadmin bcdedit wevtutil netsh msiexec " +
    "cmdkey runas nltest dsquery robocopy xcopy mke2fs mkswap swapoff rmmod depmod nsenter unshare losetup dropbear " +
    "coproc raspistill raspivid fswebcam arecord aplay espeak exiftool wkhtmltopdf findstr fsutil diskpart takeown cacls " +
    "umount hdparm du hexdump blkid parted mdadm udevadm hwclock chpasswd auditctl tune2fs e2fsck fsck hciconfig hcitool " +
    "bluetoothctl i2cdump stty minicom microcom picocom logread swconfig ifup ifdown udhcpc dhclient iwpriv brctl ethtool " +
    "ebtables ip6tables ipset pppd ntpdate rdate initctl chkconfig supervisorctl sqlplus mongosh cqlsh mosquitto_ctrl " +
    "snmpwalk snmpset mbpoll cansend candump xterm sysupgrade " +
    "avrdude flashrom devmem devmem2 mailx sendmail gpg openvpn wg iwr irm zcat bzcat lynx aria2c setcap getcap ldapsearch arping " +
    "cangen canplayer isotpsend slcand modpoll gpioset gpioget saps gwmi pacman zypper pipx pnpm choco winget",
  ],
  [
    SURE | BARE,
    "printenv whoami uname ifconfig ipconfig netstat systeminfo ls lsb_release dmesg lscpu lsblk lsusb getent hostname " +
    "hostnamectl phpinfo uptime telnetd killall5 lsmod tasklist busybox fw_printenv sysctl lspci sestatus lsof nproc hostid " +
    "logname kexec telinit",
  ],
  [
    NAMED,
    "ssh scp rsync telnet ftp python python2 python3 perl ruby php node lua nc gcc awk gawk sed grep base64 dd",
  ],
  [
    NAMED,
    "git docker kubectl npm pip pip3 apt yum dnf apk openssl gdb vi vim nano tar gzip gunzip zip unzip nmap mysql psql iex " +
    "iw ln ffmpeg ffprobe avconv sox java uci nvram mtd gpio redis raspi aws gcloud az helm sqlite3 mongo deno bun cargo snap brew screen tmux expect",
  ],
  [NAMED | SHELL | BARE, "sh bash zsh ksh csh tcsh powershell pwsh"],
  [NAMED | SHELL, "ash dash fish"],
  [NAMED | BARE, "cmd pwd env ps df"],
  [
    PLAIN,
    "cat find echo test net more less head tail sort cut touch read source mount copy move print mail route " +
    "history locate which strings stat watch tac tee export unset alias type del start make service install split " +
    "uniq tr paste join diff patch wait trap ulimit umask rev nl od comm fold sc sudo su passwd format init ss tree gem yarn conda " +
    "fetch rd md ren erase for if mode script",
  ],
  [PLAIN | BARE, "id dir reboot halt poweroff"],
  [PLAIN, "history top w ver calc notepad make true"],
  [PLAIN, "date who last set shutdown arp free groups arch cd"],
  [PLAIN | NUMERIC, "sleep kill ping timeout"],
  [PLAIN, "host dig traceroute tracert ip at"],
  [
    PLAIN | WRAPPER,
    "watch trap coproc exec eval env nohup command time sudo nice then do builtin xargs busybox timeout setsid stdbuf call start",
  ],
  [
    0,
    "ifs jndi ldap ldaps rmi dns iiop corba nis nds lower upper sys ctx main java bundle log4j marker map spring k8s docker",
  ],
  [
    0,
    "dev tcp udp exe com bat comspec path home shell pwsh ld_preload bash_env invoke downloadstring downloadfile webclient msexcel lc encodedcommand " +
    "webrequest restmethod wmimethod cimmethod process content item recurse mppreference diagnostics frombase64string " +
    "reflection add del remove object out cli config get",
  ],
  // What follows a program as its verb.
  [
    0,
    "install uninstall update upgrade run clone pull push create delete enable disable restart stop status query addr " +
    "address link route neigh aux ef now root stdin flushall flushdb advfirewall firewall wlan interface pods shadows cl " +
    "s3 localgroup share view use accounts list show up down erase write commit",
  ],
  // Spreadsheets: functions that reach the network or a program.
  [0, "hyperlink importxml importdata importfeed importhtml importrange webservice dde register"],
  // Programs started from languages.
  [
    0,
    "backlog backlog0 backlog2 backlog3 id_ecdsa id_dsa quot amp apos nbsp exit _get _post _request _cookie module scriptblock service computer executionpolicy childitem get stop restart add copy sendbeacon localstorage sessionstorage layer storage auth privkey pem ssl private unattend lookup pw size begin with vacuum nunion row live letsencrypt yaml inet adw wc bak importscripts getscript xss name new ession binding classid prefetch preload createelement list with esi portal image beacon frames source admin apply assert build stop rm unlock subprocess check_output check_call execsync spawn spawnsync base64_decode compile gzinflate str_rot13 fi done esac " +
    "python javax ruby yaml com sun jdbcrowsetimpl objectdataprovider url dns script file o utf",
  ],
  [
    0,
    "http https w c d e ec enc nop noprofile noni noninteractive windowstyle command exec executionpolicy ep hidden f file k r i p l lp lvp nlvp lvnp lnvp lvnpe rf fr rrf recursive force hl x rfv vrf rvf",
  ],
  [
    ESCAPES,
    "popen passthru shell_exec proc_open pcntl_exec getruntime processbuilder forname getclass classloader " +
    "child_process constructor mro subclasses __mro__ __class__ __base__ __bases__ __subclasses__ __globals__ " +
    "__builtins__ __import__ __init__ __getattribute__ __dict__ __proto__ lipsum cycler joiner namespace_loader " +
    "registerundefinedfiltercallback registerundefinedfunctioncallback getfilter file_get_contents file_put_contents " +
    "url_for get_flashed_messages getmodule getparameter newinstance scriptenginemanager mainmodule _memberaccess " +
    "pagecontext applicationscope sessionscope requestscope facescontext getengine invokemethod getdeclaredmethod " +
    "getdeclaredmethods exec system phpinfo eval readfile require fromcharcode runtime defineclass " +
    "urlclassloader beanfactory httpservletrequest outerhtml innerhtml source_code getsystem",
  ],
  [
    FRAMEWORK,
    "config self request app settings session _self _context _env flask django application dump debug environment process global globalthis g",
  ],
  [
    SCRIPT_CALL,
    "alert prompt confirm eval settimeout setinterval fetch import print open execscript atob function xmlhttprequest " +
    "require constructor console document window location self top parent this throw",
  ],
  [
    0,
    "script iframe frame frameset object embed applet base meta link style form svg math img image isindex template " +
    "input button video audio body html xml foreignobject animate use set details marquee textarea select keygen " +
    "href src srcdoc action formaction data code http_equiv xlink rel import expression behavior url javascript vbscript " +
    "java vb cookie domain write writeln innerhtml prototype filter map freemarker assign include extends load php " +
    "entity doctype system public element attlist stylesheet exec cmd lang runtime memberaccess ognl t new " +
    "subprocess os __proto__ polluted smarty attr item items secret_key environ args cookies from_object class handler " +
    "a b h1 h2 p div span td tr th li ul ol label option font center strong em pre head title br hr u s picture track " +
    "canvas dialog main nav section article footer header map area progress meter summary optgroup fieldset legend " +
    "t pt ipt ript cript ascript vascript avascript text html xhtml get return await javascript mocha livescript " +
    "autofocus popover attributename string unescape decodeuri decodeuricomponent origin ecmascript application srclang poster http equiv refresh xsl",
  ],
  [
    TARGET,
    "etc proc windows winnt boot win root usr var bin sbin home opt srv tmp dev sys lib users inetpub documents",
  ],
  [
    TARGET,
    "passwd shadow hosts group gshadow sudoers crontab environ cmdline id_rsa authorized_keys ssh aws git env config conf htaccess htpasswd log logs private secret secrets credentials web_inf meta_inf wwwroot apache2 nginx mosquitto network interfaces",
  ],
  [
    0,
    "bash_history netrc pgpass kube svn hg npmrc dockerenv entries index objects refs local production development staging " +
    "ds_store hostname issue fstab resolv mounts cpuinfo net kcore sched_debug maps fd mem cwd kmem port wp ntuser dat " +
    "filename dll scr hta ps1 vbs gopher dict netdoc jar ogg rar ssh2 compress pwfile acl wpa_supplicant networkmanager " +
    "security sock repair sam regback lib kubernetes run docker zlib bzip2 cmd powershell supplicant sshd_config system " +
    "globalroot bash_profile bashrc zshrc profile user my tokens token serviceaccount dot ssh_host self head status version fd credentials system32 ini sam drivers hosts shadow passwd master id_ed25519 bash_history history filter input wrapper phar zip expect glob php phtml jsp jspx asp aspx cgi pl txt ini png jpg jpeg gif pdf htm bak yml yaml inf web meta cd from require url src href",
  ],
  [
    0,
    "executioncontext invokescript gcm ddeauto proxycommand oproxycommand sshcommand checkpoint pack upload receive ext " +
    "v q s a u latest computemetadata random urandom zero full stdin watchdog disk mapper kmsg secure wtmp lastlog btmp " +
    "audit httpd calc js py nd_func json_class proxy dynamic reduce repr templatesimpl classpathxmlapplicationcontext " +
    "filesystemxmlapplicationcontext inet4address inet6address jndidatasourcefactory xmldecoder invokertransformer " +
    "badattributevalueexpexception annotationinvocationhandler bcc rcpt getclassloader evaluate mapreduce",
  ],
  // What a device or a log says before `; reboot`, and the names of columns: the word behind is no command there.
  [
    EVERYDAY,
    "timeout error failed failure failing fault faults done ok ready updated update upgraded upgrade finished complete " +
    "completed lost crashed crash restart restarted stop stopped started start reset halted watchdog overheat " +
    "overheated overload disconnected offline warning alarm critical panic saved save changed installed downloaded " +
    "applied pending required scheduled planned requested received button press pressed hold wait retry again then " +
    "name value unit key device topic label room user host type mode state status level temp hum temperature " +
    "humidity sensor ts text area zone location dim power volt shutdown reboot poweroff quit exit cancel yes no on off",
  ],
  // Key-value stores, as their protocols and scripts name things.
  [0, "flush_all slaveof replicaof dbfilename call pcall"],
  // Lookups of Log4j and of other configurations; names by which interpreters are given code in a variable.
  [
    0,
    "const properties runtime vm hw locale os com version xml node_options java_tool_options jdk_java_options perl5opt rubyopt git_ssh_command git_ssh " +
    "prompt_command pythonstartup some every foreach parse reflect transfer encoding mail write18 apply sort create_function call_user_func " +
    "metadata google internal forwarded length cc initialcontext jndirefforwardingdatasource hash struct posix nt builtins environment motd cron rc kubernetes " +
    "call_user_func_array array_map wscript optimize reindex reset comment notify listen repair optimize tables columns csv getoutput kernel32 rtd files files",
  ],
  // Programs and types that patterns know each by itself.
  [
    0,
    "ld_library_path ld_audit pythonpath perl5lib rubylib rpm autossh plink assembly math int datetime timespan double convert",
  ],
  // What databases of time series and of streams keep; what ClickHouse does to itself.
  [
    0,
    "hypertable stable stream continuous dictionary topic subscription dnode mnode publication kill reload dbms_session flush",
  ],
  // Addresses that only servers ask; classes that look up what a text says.
  [
    0,
    "instance azure ldaps xalan lookup jndi asjson beanname filepath logfile download mtd pipe io reflection url ini spawn jndilocation jndiname jndipath datasourcename namingname jndiconnectionsource jndirefconnectionpool " +
    "jndiconverter jndipropertyaccessor jndiobjectfactorybean " +
    "propertypathfactorybean ffff preload so ld bash_logout ipc dest target entry member extract_to " +
    "jsp cfexecute cfinclude cffile usebean forward directive scriptlet declaration getproperty setproperty",
  ],
  // What holds the names and secrets of users, in every schema.
  [
    EVERYDAY,
    "users user passwords password accounts account admin admins login logins credentials customers members tokens " +
    "token keys secrets secret dual employees clients client sessions",
  ],
  // Words in on… that no page knows as an event: they are no trigger, so that `<sensor online="1">` may be.
  [
    0,
    "only once ones onto online ongoing onboard onset onsite onward onwards ontime ondelay onoff onus onion onions onyx " +
    "onlyif onlinestate onvif ontology oncology onewire onetime onehot oneway oneof onstate ondemand onprem ondate one " +
    "onlinestatus onboarding onboarded onlines",
  ],
];

/** What a word can be, by its number. */
export const WORD_CLASS: Int32Array = new Int32Array(2048);
/** The word by its number. */
export const WORD_TEXT: string[] = ["", "on…"];
const numbers = new Map<string, number>();

/** Number of any word that begins with `on` and is not known otherwise: the name of an event handler, perhaps. */
export const EVENT_WORD = 1;

for (const [bits, words] of WORDS) {
  for (const word of words.split(" ")) {
    let number = numbers.get(word);
    if (number === undefined) {
      number = WORD_TEXT.push(word) - 1;
      numbers.set(word, number);
    }
    WORD_CLASS[number] = (WORD_CLASS[number] as number) | bits;
  }
}

/** The number of a word that is known; throws at module load for one that is not. */
export function word(text: string): number {
  const number = numbers.get(text);
  if (number === undefined) throw new Error(`Cannot use word "${text}": it is not listed`);
  return number;
}

/** Numbers of all words that are one of `bits`. */
export function wordsOf(bits: number): number[] {
  return [...numbers.values()].filter((number) => ((WORD_CLASS[number] as number) & bits) !== 0);
}

const SLOTS = 4096;
/** Open addressing by the hash of the word: number and hash. Its words are fixed, so a client can not make it grow. */
const slotNumber = new Uint16Array(SLOTS);
const slotHash = new Int32Array(SLOTS);
const wordBytes: Uint8Array[] = WORD_TEXT.map((text) => new TextEncoder().encode(text));

/** Hash of a word before its first byte, and with one byte more (lower case). */
export const EMPTY_WORD = 7;
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash, 31) + byte | 0;
}

for (const [text, number] of numbers) {
  let hash = EMPTY_WORD;
  for (const byte of wordBytes[number] as Uint8Array) hash = hashByte(hash, byte);
  let at = spread(hash);
  while (slotNumber[at] !== 0) at = (at + 1) & (SLOTS - 1);
  slotNumber[at] = number;
  slotHash[at] = hash;
  if (text.length === 0) throw new Error("Cannot list words: one is empty");
}

function spread(hash: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 20) & (SLOTS - 1);
}

/** The number of the word `bytes[start, end)` with this hash, in any case; 0 if it is not known. O(length). */
export function findWord(bytes: Uint8Array, start: number, end: number, hash: number): number {
  let at = (Math.imul(hash, 0x9e3779b1) >>> 20) & (SLOTS - 1);
  let number = slotNumber[at] as number;
  while (number !== 0) {
    if (slotHash[at] === hash && isText(bytes, start, end, wordBytes[number] as Uint8Array)) return number;
    at = (at + 1) & (SLOTS - 1);
    number = slotNumber[at] as number;
  }
  return ((bytes[start] as number) | 0x20) === 0x6f && isEvent(bytes, start, end) ? EVENT_WORD : 0;
}

function isText(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (lower(bytes[start + i] as number) !== text[i]) return false;
  return true;
}

function isEvent(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 5 && ((bytes[start] as number) | 0x20) === 0x6f &&
    ((bytes[start + 1] as number) | 0x20) === 0x6e;
}

/** An ASCII letter in lower case; any other byte as it is. */
export function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
